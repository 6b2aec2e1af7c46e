-- SPDX-License-Identifier: PostgreSQL
\set aid random(1, 100000 * @{scale})
select abalance from @{schema:raw}.pgbench_accounts where aid = :aid;
