-- SPDX-License-Identifier: PostgreSQL
-- `labctl status`: transactions that were prepared minutes ago: whoever prepared them is gone, and they hold locks. Citus ends
-- its own by itself.
select gid, database, floor(extract(epoch from clock_timestamp() - prepared))::bigint as age_s,
	'ROLLBACK PREPARED ' || quote_literal(gid) as statement
from pg_prepared_xacts
where prepared < clock_timestamp() - interval '5 minutes' and gid !~ '^citus_'
order by 1, 2
