-- SPDX-License-Identifier: PostgreSQL
-- The smoke test, on the coordinator: rows of a distributed table on every node that holds shards. It leaves nothing
-- behind, so it counts as no change. Two shards for each worker are enough to see rows on all of them, and quickly made.
--@ run
--@ quiet
drop table if exists public.labctl_smoke;
create table public.labctl_smoke (id int primary key, v text not null);
select set_config('citus.shard_count', greatest(2 * @{worker.count:sql}::int, 2)::text, true);
select create_distributed_table('public.labctl_smoke', 'id');
insert into public.labctl_smoke select i, 'row ' || i from generate_series(1, 1000) i;
--@ expect 1000
select count(*) from public.labctl_smoke;
--@ expect t
select count(distinct p.groupid) = (select count(*) from pg_dist_node where isactive and shouldhaveshards)
from pg_dist_shard s join pg_dist_placement p using (shardid) where s.logicalrelid = 'public.labctl_smoke'::regclass;
