# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Updates the extensions of one database, or of the templates and the default database, to the versions installed on
# this node. A database that has the first extension of a template also gets the others.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.extensions
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

templates=() extensions=()
@{each template}
templates+=(@{template.name:sh}) extensions+=(@{template.extensions:sh})
@{end}

# Templates accept no connections: open a template while this script works in it.
open_template() {
    opened=$1
    sql postgres -v name="$1" <<<"alter database :\"name\" allow_connections true" || failed "cannot open $1"
}
close_template() {
    [[ -n $opened ]] || return 0
    sql postgres -v name="$opened" <<<"alter database :\"name\" allow_connections false"
    opened=
}
opened=
trap close_template EXIT
failed() { evidence "$out" 6; die "$1"; }

# is_there DATABASE
is_there() { [[ $(sql postgres -v name="$1" <<<"select 1 from pg_database where datname = :'name'") == 1 ]]; }

# One line per outdated extension: NAME VERSION NEW. Citus comes first: until it is updated, others cannot be.
behind="select name, installed_version, default_version from pg_available_extensions
where installed_version <> default_version order by name <> 'citus', name"

update() {
    local database=$1 i name old new has
    has=$(sql "$database" <<<'select extname from pg_extension') || failed "cannot read the extensions of $database"
    for i in "${!templates[@]}"; do
        [[ $'\n'$has$'\n' == *$'\n'"${extensions[i]%% *}"$'\n'* ]] || continue
        for name in ${extensions[i]}; do
            [[ $'\n'$has$'\n' != *$'\n'"$name"$'\n'* ]] || continue
            sql "$database" -v name="$name" <<<'create extension :"name"' || failed "cannot create $name in $database"
            has+=$'\n'$name
            changed "created extension $name in $database"
        done
    done
    while IFS='|' read -r name old new; do
        # This also updates the extensions that belong to PostGIS.
        if [[ $name == postgis ]] && sql "$database" <<<'select postgis_extensions_upgrade()' >/dev/null; then
            :
        else
            sql "$database" -v name="$name" <<<'alter extension :"name" update' || failed "cannot update $name in $database"
        fi
        changed "updated extension $name in $database from $old to $new"
    done < <(sql "$database" <<<"$behind")
}

@{if db.name}
databases=(@{db.name:sh})
@{else}
databases=("${templates[@]}" @{database:sh})
@{end}
for database in "${databases[@]}"; do
    is_there "$database" || die "this node has no database $database"
    for template in "${templates[@]}"; do
        [[ $template != "$database" ]] || open_template "$database"
    done
    update "$database"
    close_template
done
