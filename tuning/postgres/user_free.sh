# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# First half of dropping a user: ends its sessions and revokes its privileges. Fails if it owns objects, or with --force
# gives them to the superuser. The role itself is dropped after all nodes have done this.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} name=@{db.name:sh} force=@{db.force:sh} out=/run/labctl/@{nodename:sh}.user
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# sql DATABASE: runs the statements on standard input.
sql() {
    PGDATABASE=$1 PGOPTIONS='-c citus.enable_ddl_propagation=off -c citus.enable_alter_role_propagation=off -c client_min_messages=warning' \
        "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -f - 2>"$out"
}
failed() { evidence "$out"; die "$1"; }

there=$(sql postgres <<<"select 1 from pg_roles where rolname = '$name'") || failed "cannot read the roles"
[[ $there == 1 ]] || exit 0
owned=$(sql postgres <<END
select string_agg(format('%s in %s', n, coalesce(datname, 'all databases')), ', ' order by datname)
from (select dbid, count(*) as n from pg_shdepend
    where refclassid = 'pg_authid'::regclass and refobjid = '$name'::regrole and deptype = 'o' group by 1) o
left join pg_database d on d.oid = dbid
END
) || failed "cannot list what $name owns"
if [[ -n $owned && $force != true ]]; then
    printf '::next %s\n' 'labctl -l @{lab.name:raw} db user drop @{db.name:raw} --force    (gives it to the superuser)'
    die "$name owns objects: $owned"
fi
databases=$(sql postgres <<END
alter role $name nologin;
select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = '$name' \g /dev/null
select datname from pg_database where datallowconn
END
) || failed "cannot end the sessions of $name"
while IFS= read -r database; do
    # If the role stayed in Citus' list of shared objects, no worker could get its metadata any more.
    sql "$database" <<END || failed "cannot revoke the privileges of $name in $database"
reassign owned by $name to $super;
drop owned by $name;
select to_regclass('pg_catalog.pg_dist_object') is not null as citus \gset
\if :citus
    delete from pg_dist_object where classid = 'pg_authid'::regclass and objid = '$name'::regrole;
\endif
END
done <<<"$databases"
changed "revoked all privileges of $name"
