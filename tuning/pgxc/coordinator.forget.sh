# SPDX-License-Identifier: PostgreSQL
# A node has left: drop its servers from this coordinator's list of nodes, and stop it, so that neither a session nor its pooler goes on
# with the old list (pgxc_pool_reload() can crash a coordinator that has clients). coordinator.start starts it again. As the rule *.drop
# it only drops a datanode that leaves: its rows have moved, and no client has a session (coordinator.shut.sh).

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} rule=@{rule:sh}
gone=(@{gone.coordinator.nodename:sh} @{gone.datanode.nodename:sh})
out=/run/labctl/@{nodename:sh}.forget
[[ $rule != *.drop ]] || gone[0]=

mkdir -p /run/labctl
# sql DATABASE QUERY
sql() { within 60 as "$user" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -h "$dir" -p "$port" -U postgres -c "$2" "$1" 2>"$out"; }
# A role that it did not have has no name.
looked() { known=$(sql postgres "select node_name from pgxc_node where node_name in ('${gone[0]}', '${gone[1]}')"); }
wait_for 60 looked || { evidence "$out"; die "the coordinator does not answer"; }
[[ -n $known ]] || exit 0
# A coordinator that looks for rows on a datanode that it does not know can crash.
databases=$(sql postgres "select datname from pg_catalog.pg_database where datallowconn") || { evidence "$out"; die "the coordinator does not answer"; }
while IFS= read -r database; do
    tables=$(sql "$database" "select c.relname from pgxc_class x join pg_class c on c.oid = x.pcrelid
        join pgxc_node n on n.oid = any (x.nodeoids::oid[]) where n.node_name = '${gone[1]}' order by 1 limit 5") ||
        { evidence "$out"; die "cannot read the tables of database $database"; }
    [[ -z $tables ]] || die "tables of database $database still have rows on ${gone[1]}: ${tables//$'\n'/, }"
done <<<"$databases"
while IFS= read -r node; do
    sql postgres "drop node \"$node\"" || { evidence "$out"; die "cannot drop $node"; }
    changed "dropped $node"
done <<<"$known"
[[ $rule != *.drop ]] || exit 0
as "$user" "$bin/pg_ctl" stop -D "$dir" -m fast -W >"$out" 2>&1
wait_for 60 gone postgres "$dir" || { evidence "$out"; die "cannot stop the coordinator"; }
