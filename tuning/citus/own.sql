-- SPDX-License-Identifier: PostgreSQL
-- Tables and sequences of a worker that Citus does not know: somebody made them on the worker itself.
select c.oid::regclass::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm', 'S') and not c.relispartition and c.relpersistence <> 't'
	and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'citus', 'citus_internal', 'columnar', 'columnar_internal')
	and not exists (select from pg_dist_partition p where p.logicalrelid = c.oid)
	and not relation_is_a_known_shard(c.oid)
	and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass
		and (d.deptype = 'e' or (c.relkind = 'S' and d.deptype in ('a', 'i'))))
order by 1
