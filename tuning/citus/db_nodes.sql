-- SPDX-License-Identifier: PostgreSQL
-- `labctl db nodes`: the nodes registered in this database.
select n.nodename as node, case n.groupid when 0 then 'coordinator' else 'worker' end as role, n.nodeport as port,
	n.isactive as is_active, n.metadatasynced as is_synced, n.shouldhaveshards as has_shards,
	(select count(*) from pg_dist_placement p where p.groupid = n.groupid) as shard_count
from pg_dist_node n
order by n.groupid <> 0, length(n.nodename), n.nodename, n.nodeport
