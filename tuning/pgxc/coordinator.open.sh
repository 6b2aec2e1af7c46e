# SPDX-License-Identifier: PostgreSQL
# The GTM knows its sequences: the coordinator serves clients again. Connections of its pooler to sessions that were ended it
# finds out itself; pgxc_pool_reload() would not help, and can crash the pooler of 1.0 and with it the coordinator.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin out=/run/labctl/@{nodename:sh}.open
reached=@{value.reached:sh}

# Before a client gets a higher number: the next GTM that was not stopped cleanly must not continue there again (next_xid.sh).
if (( reached )); then put "$dir/labctl.reached" 0600 "$user:$user" "$reached"$'\n'; fi
grep -q '# labctl.shut$' "$dir/pg_hba.conf" || exit 0
mkdir -p /run/labctl
grep -v '# labctl.shut$' "$dir/pg_hba.conf" >"$dir/.pg_hba.labctl"
chown -- "$user:" "$dir/.pg_hba.labctl" && chmod 0600 "$dir/.pg_hba.labctl" && mv -fT -- "$dir/.pg_hba.labctl" "$dir/pg_hba.conf" ||
    die "cannot write $dir/pg_hba.conf"
as "$user" "$bin/pg_ctl" reload -D "$dir" >"$out" 2>&1 || { evidence "$out"; die "cannot reload the coordinator"; }
printf '' >"$dir/labctl.reloaded"
accepted coordinator "$dir/pg_hba.conf"
changed "opened the coordinator to clients"
