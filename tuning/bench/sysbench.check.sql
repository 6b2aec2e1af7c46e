-- SPDX-License-Identifier: PostgreSQL
-- One statement: what must be true after any number of transactions. Rows: name, ok, text. A transaction deletes a row and
-- inserts it again, so all ids stay.
select 'row counts' as name, n = 100000 * @{scale} and low = 1 and high = n as ok, n || ' rows, from ' || low || ' to ' || high as text
from (select count(*) as n, min(id) as low, max(id) as high from @{schema:raw}.sbtest1) counts
union all
select 'no prepared transaction', @{prepared:raw} = 0, @{prepared:raw} || ' prepared transactions are left over'
