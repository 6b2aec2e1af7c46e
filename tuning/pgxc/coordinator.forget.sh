# SPDX-License-Identifier: PostgreSQL
# A coordinator has left: drop it from this one's list of nodes, and stop this server, so that neither a session nor its pooler goes on
# with the old list (pgxc_pool_reload() can crash a coordinator that has clients). coordinator.start starts it again.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} gone=@{gone.coordinator.nodename:sh}
out=/run/labctl/@{nodename:sh}.forget

mkdir -p /run/labctl
sql() { within 60 as "$user" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -h "$dir" -p "$port" -U postgres -c "$1" postgres 2>"$out"; }
looked() { known=$(sql "select count(*) from pgxc_node where node_name = '$gone'"); }
wait_for 60 looked || { evidence "$out"; die "the coordinator does not answer"; }
(( known )) || exit 0
sql "drop node \"$gone\"" || { evidence "$out"; die "cannot drop $gone"; }
changed "dropped $gone"
as "$user" "$bin/pg_ctl" stop -D "$dir" -m fast -W >"$out" 2>&1
wait_for 60 gone postgres "$dir" || { evidence "$out"; die "cannot stop the coordinator"; }
