-- SPDX-License-Identifier: PostgreSQL
-- `labctl status`: how many sessions have waited for a lock for more than a minute.
select count(distinct pid) from pg_locks where not granted and waitstart < clock_timestamp() - interval '1 minute'
