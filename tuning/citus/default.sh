# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Makes the superuser's database anew from the template with the most extensions, in a fifth of the time of creating them once more
# (extensions.sql, which does the rest). Only once, in a data directory that bootstrap has just made, and if nobody has put anything
# into the database.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.default
[[ -d /run/labctl ]] || mkdir -p /run/labctl
[[ -e $dir/labctl.new ]] || exit 0
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# sql DATABASE: runs the statements on standard input.
sql() {
    PGDATABASE=$1 PGOPTIONS='-c client_min_messages=warning' \
        "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -f - 2>"$out"
}
failed() { evidence "$out"; die "$1"; }

template='' most=''
@{each template}
list=@{template.extensions:sh}
(( ${#list} <= ${#most} )) || template=@{template.name:sh} most=$list
@{end}

# Objects that initdb makes have oids below 16384. labctl_*: left by one of us that was interrupted.
known=$(sql postgres <<'END'
select datname from pg_database where datname in ('labctl_new', 'labctl_old')
union all
select 'new' where not exists (select from pg_class where oid >= 16384) and not exists (select from pg_proc where oid >= 16384)
and not exists (select from pg_namespace where oid >= 16384) and not exists (select from pg_type where oid >= 16384)
and not exists (select from pg_extension where oid >= 16384) and not exists (select from pg_largeobject_metadata)
and not exists (select from pg_default_acl) and exists (select from pg_database d where datname = current_database() and datacl is null
and not exists (select from pg_db_role_setting where setdatabase = d.oid))
END
) || failed "cannot read the databases"
for name in $known; do
    [[ $name == new ]] || sql template1 <<<"drop database $name with (force)" || failed "cannot drop the database $name"
done
end() { rm -f -- "$dir/labctl.new" || die "cannot remove $dir/labctl.new"; exit 0; }
[[ -n $template && $known == *new ]] || end

# PostgreSQL does not copy the settings of a template.
sql template1 <<END || failed "cannot copy $template"
create database labctl_new template $template;
do \$\$
declare
	s text;
begin
	for s in select unnest(setconfig) from pg_db_role_setting join pg_database d on d.oid = setdatabase
		where datname = '$template' and setrole = 0
	loop
		perform set_config(split_part(s, '=', 1), substr(s, strpos(s, '=') + 1), true);
		execute format('alter database labctl_new set %I from current', split_part(s, '=', 1));
	end loop;
end \$\$;
END
# Both or none; not while somebody has a session: then extensions.sql creates them.
if sql template1 <<'END'
begin;
alter database postgres rename to labctl_old;
alter database labctl_new rename to postgres;
comment on database postgres is 'default administrative connection database';
commit;
END
then
    changed "made the database postgres from $template"
    sql template1 <<<"drop database labctl_old with (force)" || failed "cannot drop the database labctl_old"
else
    sql template1 <<<"drop database labctl_new with (force)" || failed "cannot drop the database labctl_new"
fi
end
