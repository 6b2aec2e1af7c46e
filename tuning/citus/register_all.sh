# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Registers workers in the databases that have workers already, since each has a list of its own.

port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.register
[[ -d /run/labctl ]] || mkdir -p /run/labctl
for psql in /usr/lib/postgresql/*/bin/psql; do :; done

hosts=() ports=()
@{each worker}
hosts+=(@{peer.address:sh}) ports+=(@{peer.port:sh})
@{end}
(( ${#hosts[@]} )) || exit 0

sql() { "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -d "$1" -f - 2>"$out"; }
failed() { evidence "$out"; die "$1"; }

databases=$(sql postgres <<<"select datname from pg_database where datallowconn and not datistemplate and datname <> 'postgres' order by 1") ||
    failed "cannot read the databases"
while IFS= read -r database; do
    [[ -n $database && $(sql "$database" <<<"select 1 from pg_extension where extname = 'citus'") == 1 ]] || continue
    known=$(sql "$database" <<<"select nodename || ' ' || nodeport from pg_dist_node where groupid <> 0") || failed "cannot read the nodes of $database"
    [[ -n $known ]] || continue
    for i in "${!hosts[@]}"; do
        [[ $'\n'$known$'\n' != *$'\n'"${hosts[i]} ${ports[i]}"$'\n'* ]] || continue
        sql "$database" <<<"select citus_add_node('${hosts[i]}', ${ports[i]})" >/dev/null || failed "cannot register ${hosts[i]} in $database"
        changed "$database: registered ${hosts[i]}"
    done
done <<<"$databases"
