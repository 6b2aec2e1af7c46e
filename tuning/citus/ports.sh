# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Tells every database that has Citus the ports of the nodes: each has a list of its own. Moving an entry keeps the shards of
# the node, which a new entry would not have.

port=@{port:sh} super=@{superuser:sh} address=@{address:sh} out=/run/labctl/@{nodename:sh}.ports
[[ -d /run/labctl ]] || mkdir -p /run/labctl
for psql in /usr/lib/postgresql/*/bin/psql; do :; done

hosts=() ports=()
@{each worker}
hosts+=(@{peer.address:sh}) ports+=(@{peer.port:sh})
@{end}

sql() { "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -d "$1" 2>"$out" <<<"$2"; }
failed() { evidence "$out"; die "$1"; }
ask() { sql "$1" "$2" || failed "cannot $3 in $1"; }

synced() { [[ $(sql "$1" "select count(*) from pg_dist_node where hasmetadata and not metadatasynced") == 0 ]]; }

# move DATABASE HOST PORT: of a worker that has one entry, with another port.
move() {
    local id
    id=$(ask "$1" "select min(nodeid) from pg_dist_node where groupid <> 0 and nodename = '$2'
        having count(*) = 1 and min(nodeport) <> $3" "read the nodes")
    [[ $id != ::* ]] || { printf '%s\n' "$id"; exit 1; }
    [[ -n $id ]] || return 0
    sql "$1" "select citus_update_node($id, '$2', $3)" >/dev/null || failed "cannot change the port of $2 in $1"
    changed "$1: $2 has port $3"
}

databases=$(ask postgres 'select datname from pg_database where datallowconn order by 1' 'list the databases')
[[ $databases != ::* ]] || { printf '%s\n' "$databases"; exit 1; }
while IFS= read -r database; do
    [[ $(sql "$database" "select 1 from pg_extension where extname = 'citus'") == 1 ]] || continue
    for i in "${!hosts[@]}"; do
        move "$database" "${hosts[i]}" "${ports[i]}"
    done
    # Citus tells the workers in the background.
    wait_for 60 synced "$database" || failed "the workers did not get the new ports in $database within 60 s"
    # After them: Citus tells the workers at once, at the ports that this database knows.
    moved=$(sql "$database" "select 1 from pg_dist_node where groupid = 0 and nodename = '$address' and nodeport <> $port") ||
        failed "cannot read the nodes in $database"
    if [[ -n $moved ]]; then
        sql "$database" "select citus_set_coordinator_host('$address', $port)" >/dev/null ||
            failed "cannot change the port of the coordinator in $database"
        changed "$database: the coordinator has port $port"
    fi
    wait_for 60 synced "$database" || failed "the workers did not get the coordinator's port in $database within 60 s"
done <<<"$databases"
