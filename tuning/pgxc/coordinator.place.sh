# SPDX-License-Identifier: PostgreSQL
# Tables were moved (moves.sh): this coordinator gets to know where they are, before it may serve clients again.

dir=@{dir:sh}
grep -q '# labctl.shut$' "$dir/pg_hba.conf" || exit 0
. /var/lib/labctl/boot/@{nodename:sh}.cluster
begin_work place
lab=@{lab.name:sh}
advice="labctl -l $lab bootstrap    (goes on, and opens the coordinators to clients)"
place @{coordinator.ip:sh} @{coordinator.port} @{coordinator.nodename:sh}
rm -rf -- "$work"
(( ! placed )) || changed "the places of $placed tables"
