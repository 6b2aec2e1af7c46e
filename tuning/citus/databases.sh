# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Creates on this worker the databases in which the coordinator has workers: a worker that joins later needs them before it can
# be registered there. Citus copies the rest when it is.

port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.databases
[[ -d /run/labctl ]] || mkdir -p /run/labctl
for psql in /usr/lib/postgresql/*/bin/psql; do :; done
export PGOPTIONS='-c citus.enable_ddl_propagation=off -c client_min_messages=warning' PGCONNECT_TIMEOUT=10

here() { "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -d "$1" -f - 2>"$out"; }
there() { "$psql" -XAtqw -v ON_ERROR_STOP=1 -h @{coordinator.address:sh} -p @{coordinator.port:sh} -U "$super" -d "$1" -f - 2>"$out"; }
failed() { evidence "$out"; die "$1"; }

list="select datname from pg_database where datallowconn and not datistemplate and datname <> 'postgres' order by 1"
pass_file "$out.pgpass" @{secret.postgres:sh}
wanted=$(there postgres <<<"$list") || failed "cannot read the databases of the coordinator"
[[ -n $wanted ]] || exit 0
has=$(here postgres <<<"$list") || failed "cannot read the databases"
has=$'\n'$has$'\n'
while IFS= read -r database; do
    if [[ $has == *$'\n'"$database"$'\n'* && $(here "$database" <<<"select 1 from pg_extension where extname = 'citus'") == 1 ]]; then
        continue
    fi
    [[ $(there "$database" <<<"select 1 from pg_extension where extname = 'citus'") == 1 ]] || continue
    [[ $(there "$database" <<<'select 1 from pg_dist_node where groupid <> 0 limit 1') == 1 ]] || continue
    if [[ $has != *$'\n'"$database"$'\n'* ]]; then
        # As the coordinator's: encoding, locale, owner.
        "${psql%psql}pg_dump" -Cs -N '*' -w -h @{coordinator.address:sh} -p @{coordinator.port:sh} -U "$super" -d "$database" 2>"$out" </dev/null |
            grep -E '^(CREATE|ALTER) DATABASE ' | here postgres || failed "cannot create the database $database"
    fi
    here "$database" <<<'create extension if not exists citus' || failed "cannot create the extension citus in $database"
    changed "created the database $database"
done <<<"$wanted"
