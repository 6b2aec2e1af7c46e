-- SPDX-License-Identifier: PostgreSQL
-- Empties the table, unless it is as after the load: k of a row tells whether it was changed or replaced, all but once in the
-- number of rows.
--@ if select 1 where (select count(*) from @{schema:raw}.sbtest1 where k = (id * 7919::bigint) % (100000 * @{scale}) + 1) <> 100000 * @{scale}
truncate @{schema:raw}.sbtest1
