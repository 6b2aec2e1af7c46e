# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# A database that exists has the extensions of its template. One that has not even the first of them was made by somebody
# else, who is asked before it becomes the cluster's: --adopt.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.existing
name=@{db.name:sh} adopt=@{db.adopt}
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# sql DATABASE [OPTION...]: statements come on standard input. What a node does to itself, Citus need not send on.
sql() {
    local database=$1
    shift
    PGDATABASE=$database PGOPTIONS='-c citus.enable_ddl_propagation=off -c client_min_messages=warning' \
        "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" "$@" -f - 2>"$out"
}
failed() { evidence "$out" 6; die "$1"; }

list=
@{each template}
[[ @{template.name:sh} != @{db.template:sh} ]] || list=@{template.extensions:sh}
@{end}
[[ -n $list ]] || exit 0

there=$(sql postgres -v name="$name" <<<"select 1 from pg_database where datname = :'name'") || failed "cannot read the databases"
[[ $there == 1 ]] || exit 0
has=$(sql "$name" <<<'select extname from pg_extension') || failed "cannot look into $name"
has=$'\n'$has$'\n'
if [[ $has != *$'\n'"${list%% *}"$'\n'* && $adopt != true ]]; then
    printf '::next labctl -l %s db create %q with --adopt and the same options makes them; db drop %q removes it\n' \
        @{lab.name:sh} "$name" "$name"
    die "database $name was made without labctl: it lacks the extensions $list"
fi
for extension in $list; do
    [[ $has != *$'\n'"$extension"$'\n'* ]] || continue
    sql "$name" -v name="$extension" <<<'create extension if not exists :"name"' || failed "cannot create $extension in $name"
    changed "$extension in $name"
done
