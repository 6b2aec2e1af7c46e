-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on the coordinator: write a distributed table with shards on every node. Two shards per worker are enough for
-- that, and quick to create. The test cleans up, so it reports no change.
--@ run
--@ quiet
drop table if exists public.labctl_smoke;
create table public.labctl_smoke (id int primary key, v text not null);
select set_config('citus.shard_count', greatest(2 * @{worker.count:sql}::int, 2)::text, true);
-- Beside another table with as many shards, it would have that one's nodes.
select create_distributed_table('public.labctl_smoke', 'id', colocate_with => 'none');
insert into public.labctl_smoke select i, 'row ' || i from generate_series(1, 1000) i;
--@ expect 1000
select count(*) from public.labctl_smoke;
--@ expect t
select count(distinct p.groupid) = (select count(*) from pg_dist_node where isactive and shouldhaveshards)
from pg_dist_shard s join pg_dist_placement p using (shardid) where s.logicalrelid = 'public.labctl_smoke'::regclass;
