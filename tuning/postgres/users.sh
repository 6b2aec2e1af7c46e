# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Creates the users of the databases, with the lab's passwords and the privileges of their access: `read` allows to read
# all present and future tables; `write` also to change them, and to create tables in public and in schemas of its own.
# pg_hba.conf decides which databases a user may connect to. With Citus, each node does this for itself.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.users
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

names=() passwords=() databases=() accesses=()
@{each dbuser}
names+=(@{dbuser.name:sh}) passwords+=(@{dbuser.password:sh}) databases+=(@{dbuser.databases:sh}) accesses+=(@{dbuser.access:sh})
@{end}

# sql DATABASE: runs the statements on standard input, so that passwords appear in no process list and no log.
sql() {
    { printf '%s\n' 'set log_statement = none; set log_min_error_statement = panic; set log_min_duration_statement = -1;' \
        'set citus.enable_ddl_propagation = off; set citus.enable_create_role_propagation = off;' \
        'set citus.enable_alter_role_propagation = off;'; cat; } |
        PGDATABASE=$1 "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -f - 2>"$out"
}
failed() { evidence "$out"; die "$1"; }

# act DATABASE TITLE: the query on standard input returns the missing statements; runs them. Retries, because DDL that Citus
# propagates at the same time may conflict.
act() {
    local query missing tries
    query=$(cat)
    for tries in 1 2 3; do
        missing=$(sql "$1" <<<"$query") || failed "cannot check $2"
        [[ -n $missing ]] || { (( tries > 1 )); return; }
        sql "$1" <<<"$missing" && return 0
        pause 1
    done
    failed "cannot change $2"
}

# The databases of user number $1 on this server.
his_databases() {
    local list=${databases[$1]// /,}
    sql postgres <<<"select datname from pg_database where datallowconn and not datistemplate
        and (datname = any (string_to_array('$list', ',')) or '$list' = '') order by datname <> 'postgres', datname"
}

make_role() {
    local name=${names[$1]} access=${accesses[$1]}
    act postgres "the role $name" <<END && changed "updated role $name"
select 'create role $name login' where not exists (select from pg_roles where rolname = '$name')
union all
select 'alter role $name login' from pg_roles where rolname = '$name' and not rolcanlogin
union all
select format('%s %I %s $name', case when wanted then 'grant' else 'revoke' end, r, case when wanted then 'to' else 'from' end)
from (values ('pg_read_all_data', true), ('pg_write_all_data', '$access' = 'write')) g (r, wanted)
where wanted <> exists (select from pg_auth_members
    where roleid = (select oid from pg_roles where rolname = r) and member = (select oid from pg_roles where rolname = '$name'))
\g (format=unaligned recordsep=';\n')
END
    return 0
}

# give NUMBER DATABASE: grants or revokes the user's privileges in DATABASE.
give() {
    local name=${names[$1]} access=${accesses[$1]}
    act "$2" "the privileges of $name in $2" <<END && changed "set the access of $name to $2: $access"
select format('%s create on %s $name', case when wanted then 'grant' else 'revoke' end,
    what || case when wanted then ' to' else ' from' end)
from (values ('$access' = 'write')) w (wanted), (values
    (format('database %I', current_database()), (select datacl from pg_database where datname = current_database())),
    ('schema public', (select nspacl from pg_namespace where nspname = 'public'))) o (what, acl)
where (what not like 'schema%' or exists (select from pg_namespace where nspname = 'public'))
    and wanted <> exists (select from aclexplode(acl) where privilege_type = 'CREATE' and grantee = '$name'::regrole)
\g (format=unaligned recordsep=';\n')
END
    return 0
}

login() {
    "$psql" -XAtqw -c 'select 1' >/dev/null 2>"$out" </dev/null \
        -d "host=127.0.0.1 port=$port user=$1 dbname=$2 connect_timeout=10"
}

# set_password NUMBER DATABASE: tests the password by a login, if there is a database that the user may connect to.
set_password() {
    local name=${names[$1]}
    pass_file "$out.pgpass" "${passwords[$1]}"
    [[ -n $2 ]] && login "$name" "$2" && return 0
    sql postgres <<<"alter role $name password '${passwords[$1]}'" || failed "cannot set the password of $name"
    [[ -n $2 ]] || return 0
    login "$name" "$2" || failed "$name cannot log in with the lab's password"
    changed "set the password of $name"
}

for i in "${!names[@]}"; do
    make_role "$i"
    mapfile -t his < <(his_databases "$i")
    for database in "${his[@]}"; do
        give "$i" "$database"
    done
    set_password "$i" "${his[0]-}"
done
