-- SPDX-License-Identifier: PostgreSQL
-- Creates a database from its template.
--@ unless select from pg_database where datname = @{db.name:sql}
create database @{db.name:ident} template @{db.template:ident}
-- PostgreSQL does not copy the settings of the template. Copy those that extensions made (PostGIS adds topology and tiger
-- to the search_path) to a database that has no settings of its own.
--@ run
--@ quiet
select set_config('labctl.database', @{db.name:sql}, false), set_config('labctl.template', @{db.template:sql}, false)
--@ if select from pg_db_role_setting s join pg_database d on d.oid = setdatabase where datname = @{db.template:sql} and setrole = 0
--@ unless select from pg_db_role_setting s join pg_database d on d.oid = setdatabase where datname = @{db.name:sql} and setrole = 0
do $$
declare
	s text;
begin
	for s in select unnest(setconfig) from pg_db_role_setting join pg_database d on d.oid = setdatabase
		where datname = current_setting('labctl.template') and setrole = 0
	loop
		perform set_config(split_part(s, '=', 1), substr(s, strpos(s, '=') + 1), true);
		execute format('alter database %I set %I from current', current_setting('labctl.database'), split_part(s, '=', 1));
	end loop;
end $$
