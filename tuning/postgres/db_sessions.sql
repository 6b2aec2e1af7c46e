-- SPDX-License-Identifier: PostgreSQL
-- `labctl db sessions` on one server: sessions that are working or waiting. A session that another node of the cluster
-- opened has its origin in its application name: for_pid is the pid of the session there.
select a.pid::text as pid, a.datname as database, a.usename as "user", coalesce(host(a.client_addr), 'local') as client,
	a.application_name as application, a.state, date_trunc('second', clock_timestamp() - coalesce(a.xact_start, a.state_change))::text as since,
	a.wait_event_type || ': ' || a.wait_event as waits_for, array_to_string(pg_blocking_pids(a.pid), ' ') as blocked_by,
	(substring(a.application_name from '^citus_[a-z_]+ gpid=([0-9]+)')::bigint % 10000000000)::text as for_pid,
	left(btrim(regexp_replace(a.query, '\s+', ' ', 'g')), 60) as query
from pg_stat_activity a
where a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and a.state <> 'idle'
order by a.xact_start nulls last, a.pid
