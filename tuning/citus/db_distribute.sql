-- SPDX-License-Identifier: PostgreSQL
-- `labctl db distribute`: $1 is a schema, $2 a column. What cannot be distributed by it is known before it is tried.
-- Tables of extensions are not the user's.
select n.nspname as schema, c.relname as "table", case when w.why is null then 'would distribute' else 'skipped' end as result,
	p.logicalrelid is not null and p.partmethod <> 'n' as is_distributed, t.size_bytes, t.local_bytes, w.why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_dist_partition p on p.logicalrelid = c.oid
left join pg_attribute a on a.attrelid = c.oid and a.attname = $2 and a.attnum > 0 and not a.attisdropped
-- A partitioned table is its partitions.
cross join lateral (select sum(pg_total_relation_size(f.oid))::bigint as size_bytes, sum(pg_relation_size(f.oid))::bigint as local_bytes
	from (select c.oid where c.relkind <> 'p' union select relid from pg_partition_tree(c.oid)) f) t
-- Citus cannot see over all shards whether a value is unique.
left join lateral (
	select string_agg(format('%s %I does not include %I', case when i.indisprimary then 'primary key'
		when i.indisexclusion then 'exclusion constraint' else 'unique index' end, x.relname, $2), ', ' order by x.relname) as why
	from pg_index i
	join pg_class x on x.oid = i.indexrelid
	where i.indrelid = c.oid and (i.indisunique or i.indisexclusion) and a.attnum <> all (i.indkey)) u on true
cross join lateral (select case
	when c.relkind in ('v', 'm') then 'is a view'
	when c.relkind = 'f' then 'is a foreign table'
	when c.relispartition then (select format('is a partition, goes with %s', i.inhparent::regclass) from pg_inherits i
		where i.inhrelid = c.oid)
	when p.partmethod <> 'n' then format('is distributed already, by %I', column_to_column_name(c.oid, p.partkey::text))
	when p.repmodel = 't' then 'is a reference table'
	when p.colocationid > 0 then 'is in a distributed schema'
	when a.attnum is null then format('has no column %I', $2)
	else u.why end as why) w
where c.relkind in ('r', 'p', 'f', 'v', 'm') and n.nspname = $1
	and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by c.relname
