-- SPDX-License-Identifier: PostgreSQL
-- The four tables of pgbench in a schema of their own, distributed by branch or each by its own key. History goes with the
-- accounts: a transaction that changes only an account has one shard in both layouts.
--@ if select 1 from pg_catalog.pg_namespace where nspname = @{schema:sql}
drop schema @{schema:raw} cascade
--@ run
create schema @{schema:raw}
@{if by_branch}
--@ run
create table @{schema:raw}.pgbench_branches (bid int primary key, bbalance int not null, filler char(88)) @{hash.bid:raw}
--@ run
create table @{schema:raw}.pgbench_tellers (tid int, bid int, tbalance int not null, filler char(84), primary key (bid, tid)) @{hash.bid:raw}
--@ run
create table @{schema:raw}.pgbench_accounts (aid int, bid int, abalance int not null, filler char(84), primary key (bid, aid)) @{hash.bid:raw}
--@ run
create table @{schema:raw}.pgbench_history (tid int, bid int not null, aid int not null, delta int, mtime timestamp, filler char(22)) @{hash.bid:raw}
@{else}
--@ run
create table @{schema:raw}.pgbench_branches (bid int primary key, bbalance int not null, filler char(88)) @{hash.bid:raw}
--@ run
create table @{schema:raw}.pgbench_tellers (tid int primary key, bid int not null, tbalance int not null, filler char(84)) @{hash.tid:raw}
--@ run
create table @{schema:raw}.pgbench_accounts (aid int primary key, bid int not null, abalance int not null, filler char(84)) @{hash.aid:raw}
--@ run
create table @{schema:raw}.pgbench_history (tid int, bid int not null, aid int not null, delta int, mtime timestamp, filler char(22)) @{hash.aid:raw}
@{end}
@{if citus}
@{if by_branch}
--@ run
select create_distributed_table('@{schema:raw}.pgbench_accounts', 'bid', colocate_with := 'none')
--@ run
select create_distributed_table('@{schema:raw}.pgbench_branches', 'bid', colocate_with := '@{schema:raw}.pgbench_accounts')
--@ run
select create_distributed_table('@{schema:raw}.pgbench_tellers', 'bid', colocate_with := '@{schema:raw}.pgbench_accounts')
--@ run
select create_distributed_table('@{schema:raw}.pgbench_history', 'bid', colocate_with := '@{schema:raw}.pgbench_accounts')
@{else}
--@ run
select create_distributed_table('@{schema:raw}.pgbench_accounts', 'aid', colocate_with := 'none')
--@ run
select create_distributed_table('@{schema:raw}.pgbench_branches', 'bid', colocate_with := '@{schema:raw}.pgbench_accounts')
--@ run
select create_distributed_table('@{schema:raw}.pgbench_tellers', 'tid', colocate_with := '@{schema:raw}.pgbench_accounts')
--@ run
select create_distributed_table('@{schema:raw}.pgbench_history', 'aid', colocate_with := '@{schema:raw}.pgbench_accounts')
@{end}
@{end}
