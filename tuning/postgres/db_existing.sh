# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Gives an existing database the extensions of its template. A database without the first of them was made without
# labctl, and is changed only with --adopt.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.existing
name=@{db.name:sh} adopt=@{db.adopt}
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# sql DATABASE [OPTION...]: runs the statements on standard input, on this node only: Citus does not propagate them.
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
has=$(sql "$name" <<<'select extname from pg_extension') || failed "cannot read the extensions of $name"
has=$'\n'$has$'\n'
if [[ $has != *$'\n'"${list%% *}"$'\n'* && $adopt != true ]]; then
    printf '::next labctl -l %s db create %q --adopt with the same options creates them; db drop %q drops the database\n' \
        @{lab.name:sh} "$name" "$name"
    die "database $name was made without labctl and lacks the extensions $list"
fi
for extension in $list; do
    [[ $has != *$'\n'"$extension"$'\n'* ]] || continue
    sql "$name" -v name="$extension" <<<'create extension if not exists :"name"' || failed "cannot create $extension in $name"
    changed "created extension $extension in $name"
done
