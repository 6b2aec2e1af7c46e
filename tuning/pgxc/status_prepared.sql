-- SPDX-License-Identifier: PostgreSQL
-- `labctl status`: transactions that were prepared minutes ago: whoever prepared them is gone, and they hold locks. `labctl start`
-- ends those of coordinators (doubtful.sh); a client's must be ended by hand.
select gid, database, floor(extract(epoch from clock_timestamp() - prepared))::bigint as age_s,
	case when gid !~ '^(T|_[$]XC[$])[0-9]+$' then 'ROLLBACK PREPARED ' || quote_literal(gid) end as statement
from pg_catalog.pg_prepared_xacts
where prepared < clock_timestamp() - interval '5 minutes'
order by 1, 2
