-- SPDX-License-Identifier: PostgreSQL
-- A database to be copied or dropped must have no sessions: fails and lists them, or ends them with --force.
-- Connections between Citus nodes do not count: Citus opens them again when it needs them.
--@ run
--@ quiet
select set_config('labctl.database', @{if db.template}@{db.template:sql}@{else}@{db.name:sql}@{end}, false)
@{if db.force}
--@ if select from pg_stat_activity where datname = current_setting('labctl.database') and backend_type = 'client backend' and application_name !~ '^citus_'
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_setting('labctl.database') and backend_type = 'client backend' and application_name !~ '^citus_'
@{end}
--@ run
--@ quiet
do $$
declare
	s record;
	n int := 0;
begin
	for s in select * from pg_stat_activity where datname = current_setting('labctl.database')
		and backend_type = 'client backend' and application_name !~ '^citus_' order by backend_start
	loop
		n := n + 1;
		raise notice 'process % of % (%) at %, % since %', s.pid, s.usename,
			coalesce(nullif(s.application_name, ''), 'unnamed'), coalesce(host(s.client_addr), 'the node itself'),
			s.state, date_trunc('second', s.state_change);
	end loop;
	if n > 0 then
		raise object_in_use using message = format('database %I is in use by %s session%s',
			current_setting('labctl.database'), n, case when n > 1 then 's' else '' end);
	end if;
end $$
