# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The superuser's password of the lab is that of the database, also when its data directory is older than the lab.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.superuser
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

login() {
    "$psql" -XAtqw -c 'select 1' >/dev/null 2>"$out" </dev/null \
        -d "host=127.0.0.1 port=$port user=$super dbname=postgres connect_timeout=10"
}

pass_file "$out.pgpass" @{secret.postgres:sh}
if ! login; then
    # On standard input: a password is in no process list, and in no log. Where Citus runs each node sees to its own.
    "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -d postgres -f - >"$out" 2>&1 <<'END' ||
set log_statement = none; set log_min_error_statement = panic; set log_min_duration_statement = -1;
set citus.enable_alter_role_propagation = off;
alter role @{superuser:ident} password @{secret.postgres:sql};
END
        { evidence "$out"; die "cannot set the password of $super"; }
    login || { evidence "$out"; die "$super cannot log in with the lab's password"; }
    changed "password of $super"
fi
