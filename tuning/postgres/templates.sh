# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The databases that others are made from. A finished one is marked as a template, and nobody may connect to it: not
# by mistake, and no daemon of an extension, for a database is copied only while nobody uses it.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.templates
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# sql DATABASE WHAT: the statements on standard input.
sql() {
    "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -d "$1" -f - 2>"$out" ||
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

known=$(sql postgres "cannot read the databases" <<<"select datname, datallowconn from pg_database where datistemplate")
[[ $known != *::fail* ]] || { printf '%s\n' "$known"; exit 1; }        # what sql() said
known=$'\n'$known$'\n'
for i in "${!names[@]}"; do
    case $known in
    *$'\n'"${names[i]}|f"$'\n'*) ;;
    *$'\n'"${names[i]}|t"$'\n'*) close "${names[i]}"; changed "closed ${names[i]}";;
    *) make "${names[i]}" "${lists[i]}";;
    esac
done
