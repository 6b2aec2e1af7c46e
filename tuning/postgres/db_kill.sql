-- SPDX-License-Identifier: PostgreSQL
-- `labctl db kill`: $1 is the pid of a session on this server. What it had not committed is gone; the answer waits for its end.
select pg_terminate_backend(pid, 5000) as is_ended
from pg_stat_activity
where pid = $1::int and backend_type = 'client backend' and pid <> pg_backend_pid()
