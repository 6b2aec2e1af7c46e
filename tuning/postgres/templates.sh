# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Creates the template databases. A finished one accepts no connections: PostgreSQL copies a database only while it has no
# sessions, not even those of an extension's daemon.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.templates
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# sql DATABASE ERROR [OPTION...]: runs the statements on standard input, on this node only: from version 13 on Citus sends changes of
# databases to other nodes, and refuses them on a worker.
sql() {
    PGDATABASE=$1 PGOPTIONS='-c citus.enable_ddl_propagation=off' "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" "${@:3}" -f - 2>"$out" ||
        { evidence "$out"; die "$2"; }
}

names=() lists=()
@{each template}
names+=(@{template.name:sh}) lists+=(@{template.extensions:sh})
@{end}

# make NAME EXTENSIONS: creates a template, or completes one.
make() {
    sql postgres "cannot create the database $1" <<END
select 'create database $1' where not exists (select from pg_database where datname = '$1') \gexec
alter database $1 allow_connections true;
END
    sql "$1" "cannot create the extensions of $1" <<END
create extension if not exists ${2// /; create extension if not exists };
END
    close "$1"
    changed "created database $1"
}

close() {
    sql postgres "cannot close $1" <<END
alter database $1 is_template true allow_connections false;
select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '$1' \g /dev/null
END
}

# update DATABASE
update() {
    local result
    result=$(sql "$1" "cannot update citus in $1" <<'END'
select s from pg_available_extensions, (values ('alter extension citus update'), ('select 1')) v (s)
where name = 'citus' and installed_version <> default_version \gexec
END
)
    if [[ $result == *::fail* ]]; then        # the error of sql()
        printf '::next %s\n' 'labctl -l @{lab.name:raw} bootstrap citus --source FILE|URL (not an older version)'
        printf '%s\n' "$result"
        exit 1
    fi
    [[ $result != 1 ]] || changed "updated extension citus in $1"
}

known=$(sql postgres "cannot read the databases" <<'END'
select datname, datallowconn::int::text from pg_database where datistemplate
union all
select 'citus', 'behind' from pg_available_extensions where name = 'citus' and installed_version <> default_version
END
)
[[ $known != *::fail* ]] || { printf '%s\n' "$known"; exit 1; }        # the error of sql()
known=$'\n'$known$'\n'
# Citus does not work in a database whose extension differs in version from its library. The default database, which is
# updated last (extensions.sql), shows that bootstrap has replaced the library.
behind=
if [[ $known == *$'\ncitus|behind\n'* ]]; then
    behind=yes
    while IFS= read -r -d '' name; do
        update "$name"
    done < <(sql postgres "cannot read the databases" -0 <<<"select datname from pg_database
        where datallowconn and datname <> 'postgres'")
fi
for i in "${!names[@]}"; do
    case $known in
    *$'\n'"${names[i]}|0"$'\n'*)
        if [[ -n $behind ]]; then
            sql postgres "cannot open ${names[i]}" <<<"alter database ${names[i]} allow_connections true"
            update "${names[i]}"
            close "${names[i]}"
        fi;;
    *$'\n'"${names[i]}|1"$'\n'*) close "${names[i]}"; changed "closed ${names[i]}";;
    *) make "${names[i]}" "${lists[i]}";;
    esac
done
