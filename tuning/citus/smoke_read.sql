-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on workers and through pgpool-II: read what the coordinator wrote, on whatever node the rows are.
-- Before version 11, workers can read only their own shards.
--@ if select 1 from pg_extension where extname = 'citus' and split_part(extversion, '.', 1)::int >= 11 or @{role:sql} = 'pgpool'
--@ quiet
--@ expect 1000,500500,row 777
select concat_ws(',', count(*), sum(id), max(v) filter (where id = 777)) from public.labctl_smoke;
