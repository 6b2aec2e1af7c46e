-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on the first coordinator: create a table distributed by shard and a replicated one, and a sequence. A block runs again
-- when an answer is lost, so each looks first whether its statement took effect.
--@ try 60
--@ quiet
--@ if select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_h' and relkind = 'r'
drop table public.labctl_smoke_h
--@ try 60
--@ quiet
--@ if select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_r' and relkind = 'r'
drop table public.labctl_smoke_r
--@ try 60
--@ quiet
--@ if select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_s' and relkind = 'S'
drop sequence public.labctl_smoke_s
--@ try 60
--@ quiet
--@ unless select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_s' and relkind = 'S'
create sequence public.labctl_smoke_s
--@ try 60
--@ expect t
select nextval('public.labctl_smoke_s') between 1 and 100
--@ try 60
--@ quiet
--@ unless select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_h' and relkind = 'r'
create table public.labctl_smoke_h (id int, v text) distribute by shard (id)
--@ try 60
--@ quiet
--@ unless select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_r' and relkind = 'r'
create table public.labctl_smoke_r (id int, v text) distribute by replication
--@ try 60
--@ quiet
--@ unless select 1 from public.labctl_smoke_h limit 1
insert into public.labctl_smoke_h select i, 'row ' || i from generate_series(1, 1000) i
--@ try 60
--@ quiet
--@ unless select 1 from public.labctl_smoke_r limit 1
insert into public.labctl_smoke_r select i, 'row ' || i from generate_series(1, 10) i
-- Update a row of the replicated table by a statement that datanodes cannot run alone: smoke_replicated.sh checks it.
--@ try 60
--@ quiet
update public.labctl_smoke_r set v = 'changed' where id = 5 and random() < 2
--@ try 60
--@ expect 1000
select count(*) from public.labctl_smoke_h
--@ try 60
--@ expect 10
select count(*) from public.labctl_smoke_r
