-- SPDX-License-Identifier: PostgreSQL
-- What of the distributed tables only the worker has that leaves or is down: a row for each table. A partition moves with its table.
select case when l.here < l.shards then format('%s of %s shards of %s', l.here, l.shards, l.logicalrelid) else format('all of %s', l.logicalrelid) end
from (
	select s.logicalrelid, count(*) as shards, count(*) filter (where p.here) as here
	from pg_dist_shard s join pg_class c on c.oid = s.logicalrelid
	cross join lateral (
		select coalesce(bool_and(n.nodename = @{gone.worker.address:sql} and n.nodeport = @{gone.worker.port:sql}), false) as here
		from pg_dist_placement p join pg_dist_node n using (groupid)
		where p.shardid = s.shardid and n.isactive and n.noderole = 'primary') p
	where not c.relispartition
	group by 1) l
where l.here > 0
order by l.logicalrelid::text
