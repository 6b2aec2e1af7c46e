# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Takes a worker that leaves out of the list of nodes, which every database has of its own. One that does not answer is disabled
# first: else Citus would tell it that it leaves.

port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.unregister
gone=@{gone.worker.address:sh} gone_port=@{gone.worker.port:sh}
[[ -d /run/labctl ]] || mkdir -p /run/labctl
for psql in /usr/lib/postgresql/*/bin/psql; do :; done

sql() {
    "$psql" -XAtqw -v ON_ERROR_STOP=1 -v gone="$gone" -v port="${gone_port:-0}" -h /run/postgresql -p "$port" -U "$super" -d "$1" -f - 2>"$out"
}
failed() { evidence "$out"; die "$1"; }

databases=$(sql postgres <<<'select datname from pg_database where datallowconn and not datistemplate order by 1') ||
    failed "cannot read the databases"
answers=unknown
while IFS= read -r database; do
    [[ $(sql "$database" <<<"select 1 from pg_extension where extname = 'citus'") == 1 ]] || continue
    there=$(sql "$database" <<<"select isactive from pg_dist_node where nodename = :'gone' and nodeport = :port") ||
        failed "cannot read the nodes of $database"
    [[ -n $there ]] || continue
    if [[ $answers == unknown ]]; then
        pass_file "$out.pgpass" @{secret.postgres:sh}
        answers=$("$psql" -XAtqw -c 'select 1' -d "host=$gone port=$gone_port user=$super dbname=postgres connect_timeout=10" 2>/dev/null </dev/null)
    fi
    if [[ $answers != 1 && $there == t ]]; then
        sql "$database" <<<"select citus_disable_node(:'gone', :port, true)" >/dev/null || failed "cannot disable $gone in $database"
    fi
    sql "$database" <<<"select citus_remove_node(:'gone', :port)" >/dev/null || failed "cannot remove $gone from the nodes of $database"
    changed "$database: $gone is no node any more"
done <<<"$databases"
