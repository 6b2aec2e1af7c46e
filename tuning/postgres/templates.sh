# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The databases that others are made from. A finished one is marked as a template, and nobody may connect to it: not
# by mistake, and no daemon of an extension, for a database is copied only while nobody uses it.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.templates
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# sql DATABASE WHAT [OPTION...]: the statements on standard input.
sql() {
    PGDATABASE=$1 "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" "${@:3}" -f - 2>"$out" ||
        { evidence "$out"; die "$2"; }
}

names=() lists=()
@{each template}
names+=(@{template.name:sh}) lists+=(@{template.extensions:sh})
@{end}

# make NAME EXTENSIONS: one that was left half made is completed.
make() {
    sql postgres "cannot make the database $1" <<END
select 'create database $1' where not exists (select from pg_database where datname = '$1') \gexec
alter database $1 allow_connections true;
END
    sql "$1" "cannot make the extensions of $1" <<END
create extension if not exists ${2// /; create extension if not exists };
END
    close "$1"
    changed "database $1"
}

close() {
    sql postgres "cannot close $1" <<END
alter database $1 is_template true allow_connections false;
select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '$1' \g /dev/null
END
}

# update DATABASE
update() {
    local said
    said=$(sql "$1" "cannot update citus in $1" <<'END'
set citus.enable_ddl_propagation to off;
select s from pg_available_extensions, (values ('alter extension citus update'), ('select 1')) v (s)
where name = 'citus' and installed_version <> default_version \gexec
END
)
    if [[ $said == *::fail* ]]; then        # what sql() said
        printf '::next %s\n' 'labctl -l @{lab.name:raw} bootstrap citus --source FILE|URL (of a version that is not older)'
        printf '%s\n' "$said"
        exit 1
    fi
    [[ $said != 1 ]] || changed "citus in $1"
}

known=$(sql postgres "cannot read the databases" <<'END'
select datname, datallowconn::int::text from pg_database where datistemplate
union all
select 'citus', 'behind' from pg_available_extensions where name = 'citus' and installed_version <> default_version
END
)
[[ $known != *::fail* ]] || { printf '%s\n' "$known"; exit 1; }        # what sql() said
known=$'\n'$known$'\n'
# Citus does nothing in a database whose extension is not that of its library. That bootstrap has replaced the library is
# seen in the default database, which comes last (extensions.sql).
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
