-- SPDX-License-Identifier: PostgreSQL
-- Empties the tables, unless they are as after the load: a read-only measurement costs only this look at them.
--@ if select 1 where exists (select 1 from @{schema:raw}.pgbench_history) or (select count(*) from @{schema:raw}.pgbench_accounts where abalance = 0) <> 100000 * @{scale} or (select count(*) from @{schema:raw}.pgbench_tellers where tbalance = 0) <> 10 * @{scale} or (select count(*) from @{schema:raw}.pgbench_branches where bbalance = 0) <> @{scale}
truncate @{schema:raw}.pgbench_history, @{schema:raw}.pgbench_accounts, @{schema:raw}.pgbench_tellers, @{schema:raw}.pgbench_branches
