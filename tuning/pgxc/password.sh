# SPDX-License-Identifier: PostgreSQL
# Gives the superuser the lab's password. In Postgres-XC in the catalog of this node only: a session that says it comes from a
# coordinator is not sent on to other nodes. Postgres-XL has no such sessions, and sends it to all nodes itself. The server gets the
# hash, in a file, so that the password appears in no process list and no log.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} super=@{superuser:sh}
secret=@{secret.postgres:sh}
out=/run/labctl/@{nodename:sh}.password

mkdir -p /run/labctl
sql() {
    within 60 as "$user" /usr/bin/env "PGOPTIONS=$1" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -h "$dir" -p "$port" -U "$super" "${@:2}" \
        postgres 2>"$out"
}
# A session of a coordinator describes rows in a form of its own, so it can be told, but not asked.
right_password() { now=$(sql '' -c "select rolpassword from pg_authid where rolname = '$super'") && [[ $now == "$hash" ]]; }

read -r hash _ < <(printf '%s%s' "$secret" "$super" | md5sum)
hash=md5$hash
right_password && exit 0
secret_file "$out.sql" "$user" "set log_min_error_statement = panic; set log_min_duration_statement = -1;
alter role \"$super\" password '$hash';"
options=
[[ $("$bin/psql" --version) != *"(Postgres-XC)"* ]] || options="-c remotetype=coordinator"
sql "$options" -f "$out.sql" || { evidence "$out"; die "cannot set the password of $super"; }
# What was written just now may be invisible to a new session for a moment.
wait_for 20 right_password || { evidence "$out"; die "$super does not have the new password"; }
changed "set the password of $super"
