-- SPDX-License-Identifier: PostgreSQL
-- `labctl db shards`: $1 is a table name as in SQL. One row per placement of a shard.
select s.shardid as shard_id, s.shardminvalue || ' to ' || s.shardmaxvalue as range, p.nodename as node, p.nodeport as port,
	p.shard_size as size_bytes
from pg_dist_shard s
join citus_shards p on p.shardid = s.shardid
where s.logicalrelid = to_regclass($1)
order by s.shardid, p.nodename, p.nodeport
