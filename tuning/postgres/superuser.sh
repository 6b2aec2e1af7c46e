# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Gives the superuser the lab's password. The data directory may be older than the lab and have another one.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.superuser
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

login() {
    "$psql" -XAtqw -c 'select 1' >/dev/null 2>"$out" </dev/null \
        -d "host=127.0.0.1 port=$port user=$super dbname=postgres connect_timeout=10"
}

pass_file "$out.pgpass" @{secret.postgres:sh}
if ! login; then
    # On standard input, so that the password appears in no process list and no log. With Citus, for this node only.
    "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -d postgres -f - >"$out" 2>&1 <<'END' ||
set log_statement = none; set log_min_error_statement = panic; set log_min_duration_statement = -1;
set citus.enable_alter_role_propagation = off;
alter role @{superuser:ident} password @{secret.postgres:sql};
END
        { evidence "$out"; die "cannot set the password of $super"; }
    login || { evidence "$out"; die "$super cannot log in with the lab's password"; }
    changed "set the password of $super"
fi
