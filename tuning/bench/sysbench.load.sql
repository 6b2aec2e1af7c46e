-- SPDX-License-Identifier: PostgreSQL
-- The table of sysbench's oltp_* scripts, with sysbench's index. Not by its `prepare`, which knows no distribution and whose
-- random rows are not the same again.
--@ if select 1 from pg_catalog.pg_namespace where nspname = @{schema:sql}
drop schema @{schema:raw} cascade
--@ run
create schema @{schema:raw}
--@ run
create table @{schema:raw}.sbtest1 (id int primary key, k int default 0 not null, c char(120) default '' not null, pad char(60) default '' not null) @{hash.id:raw}
@{if citus}
--@ run
select create_distributed_table('@{schema:raw}.sbtest1', 'id', colocate_with := 'none')
@{end}
--@ run
create index k_1 on @{schema:raw}.sbtest1 (k)
