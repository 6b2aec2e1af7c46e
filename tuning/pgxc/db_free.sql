-- SPDX-License-Identifier: PostgreSQL
-- On every coordinator: a database to be dropped must have no sessions; --force ends them. Then close the connections to
-- other nodes that the pooler ("pgxc", "pgxc:coordinator_1") keeps for it. The third column of pg_stat_activity is procpid before 1.1, then pid.
@{if db.force}
--@ try 60
--@ if select 1 from pg_catalog.pg_stat_activity where datname = @{db.name:sql} and application_name !~ '^pgxc(:|$)'
select pg_terminate_backend(pid) from pg_catalog.pg_stat_activity a (datid, datname, pid) where datname = @{db.name:sql} and application_name !~ '^pgxc(:|$)'
@{end}
@{if db.force}
--@ expect 0
--@ try 10
select count(*) from pg_catalog.pg_stat_activity where datname = @{db.name:sql} and application_name !~ '^pgxc(:|$)'
@{end}
--@ try 60
--@ run
--@ quiet
do $$
declare
	sessions text;
begin
	select string_agg('process ' || pid::text || ' of ' || usename::text || ' (' || application_name || ') since '
		|| date_trunc('second', backend_start)::text, ', ') into sessions
	from pg_catalog.pg_stat_activity a (datid, datname, pid) where datname = @{db.name:sql} and application_name !~ '^pgxc(:|$)';
	if sessions is not null then
		raise object_in_use using message = 'the database is in use by ' || sessions;
	end if;
end $$
--@ try 60
--@ if select 1 from pg_catalog.pg_database where datname = @{db.name:sql}
--@ quiet
clean connection to all for database @{db.name:ident}
