-- SPDX-License-Identifier: PostgreSQL
-- The table of `labctl fault run`: its writers put numbered rows there (src/bench/run/rows.h).
--@ if select 1 from pg_catalog.pg_class where relname = 'labctl_rows' and relkind = 'r'
drop table public.labctl_rows
--@ run
create table public.labctl_rows (id bigint primary key) distribute by shard (id)
