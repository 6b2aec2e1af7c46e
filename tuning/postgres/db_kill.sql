-- SPDX-License-Identifier: PostgreSQL
-- `labctl db kill`: ends the session with pid $1 on this server, and waits up to 5 s for its end. Its transaction is lost.
select pg_terminate_backend(pid, 5000) as is_ended
from pg_stat_activity
where pid = $1::int and backend_type = 'client backend' and pid <> pg_backend_pid()
