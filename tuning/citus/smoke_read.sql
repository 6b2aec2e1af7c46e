-- SPDX-License-Identifier: PostgreSQL
-- The smoke test, on every worker and through pgpool-II: what the coordinator wrote can be read here, wherever the rows are.
-- Workers of versions before 11 know their own shards only.
--@ if select 1 from pg_extension where extname = 'citus' and split_part(extversion, '.', 1)::int >= 11 or @{role:sql} = 'pgpool'
--@ quiet
--@ expect 1000,500500,row 777
select concat_ws(',', count(*), sum(id), max(v) filter (where id = 777)) from public.labctl_smoke;
