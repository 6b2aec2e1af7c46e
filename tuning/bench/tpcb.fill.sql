-- SPDX-License-Identifier: PostgreSQL
-- The rows, for the load and the reset: the tables are the same after both.
--@ after-change
insert into @{schema:raw}.pgbench_branches (bid, bbalance) select b, 0 from generate_series(1, @{scale}) b
--@ after-change
insert into @{schema:raw}.pgbench_tellers (tid, bid, tbalance) select t, (t - 1) / 10 + 1, 0 from generate_series(1, 10 * @{scale}) t
--@ after-change
insert into @{schema:raw}.pgbench_accounts (aid, bid, abalance, filler) select a, (a - 1) / 100000 + 1, 0, '' from generate_series(1, 100000 * @{scale}) a
--@ after-change
vacuum analyze @{schema:raw}.pgbench_branches
--@ after-change
vacuum analyze @{schema:raw}.pgbench_tellers
--@ after-change
vacuum analyze @{schema:raw}.pgbench_accounts
--@ after-change
vacuum analyze @{schema:raw}.pgbench_history
