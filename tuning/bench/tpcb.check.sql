-- SPDX-License-Identifier: PostgreSQL
-- One statement: what must be true after any number of transactions. Rows: name, ok, text.
select 'row counts' as name, a = 100000 * @{scale} and t = 10 * @{scale} and b = @{scale} as ok,
	a || ' accounts, ' || t || ' tellers, ' || b || ' branches' as text
from (select (select count(*) from @{schema:raw}.pgbench_accounts) as a, (select count(*) from @{schema:raw}.pgbench_tellers) as t,
	(select count(*) from @{schema:raw}.pgbench_branches) as b) counts
union all
select 'sums of balances', a = h and t = k and b = k,
	'accounts ' || a || ', tellers ' || t || ', branches ' || b || ', history ' || h || ' in ' || n || ' rows, ' || k || ' by tellers'
from (select (select coalesce(sum(abalance), 0) from @{schema:raw}.pgbench_accounts) as a,
	(select coalesce(sum(tbalance), 0) from @{schema:raw}.pgbench_tellers) as t,
	(select coalesce(sum(bbalance), 0) from @{schema:raw}.pgbench_branches) as b,
	(select coalesce(sum(delta), 0) from @{schema:raw}.pgbench_history) as h,
	(select coalesce(sum(delta), 0) from @{schema:raw}.pgbench_history where tid is not null) as k,
	(select count(*) from @{schema:raw}.pgbench_history) as n) sums
union all
select 'no prepared transaction', @{prepared:raw} = 0, @{prepared:raw} || ' prepared transactions are left over'
