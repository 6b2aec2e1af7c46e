-- SPDX-License-Identifier: PostgreSQL
-- The rows, for the load and the reset. INSERT ... SELECT sends row by row to the datanodes; COPY is 20 times as fast. It takes
-- a file of the coordinator, and does not send the schema of its table to the datanodes: hence search_path.
--@ after-change
set search_path = @{schema:raw}
--@ after-change
insert into pgbench_branches (bid, bbalance) select b, 0 from generate_series(1, @{scale}) b
--@ after-change
copy (select t, (t - 1) / 10 + 1, 0 from generate_series(1, 10 * @{scale}) t) to '/tmp/@{schema:raw}.copy'
--@ after-change
copy pgbench_tellers (tid, bid, tbalance) from '/tmp/@{schema:raw}.copy'
--@ after-change
copy (select a, (a - 1) / 100000 + 1, 0, '' from generate_series(1, 100000 * @{scale}) a) to '/tmp/@{schema:raw}.copy'
--@ after-change
copy pgbench_accounts (aid, bid, abalance, filler) from '/tmp/@{schema:raw}.copy'
--@ after-change
copy (select 1 where false) to '/tmp/@{schema:raw}.copy'
--@ after-change
reset search_path
--@ after-change
vacuum analyze @{schema:raw}.pgbench_branches
--@ after-change
vacuum analyze @{schema:raw}.pgbench_tellers
--@ after-change
vacuum analyze @{schema:raw}.pgbench_accounts
--@ after-change
vacuum analyze @{schema:raw}.pgbench_history
