# SPDX-License-Identifier: PostgreSQL
# What the unit of a role runs at boot: one try to start it. Nobody knows here what transaction numbers other nodes have
# seen; of the sequences the number that the last bootstrap counted.

next_xid=0 sequences=0
{ read -r sequences <"/var/lib/labctl/boot/$name.sequences"; } 2>/dev/null
mkdir -p /run/labctl
exec 8>"/run/labctl/$name.lock" && flock -w 100 8 || exit 1
# shellcheck source=/dev/null
. "/var/lib/labctl/boot/$name.start"
