-- SPDX-License-Identifier: PostgreSQL
-- `labctl db tables`: $1 is a schema, or '' for all; $2 is whether every node answers, which
-- sizes need. Leaves out tables of extensions.
select n.nspname as schema, c.relname as "table", k.kind,
	case when p.partkey is not null then column_to_column_name(c.oid, p.partkey::text) end as "column",
	nullif((select count(*) from pg_dist_shard s where s.logicalrelid = c.oid), 0) as shard_count,
	case k.kind when 'local' then pg_total_relation_size(c.oid) else case when $2::boolean then citus_total_relation_size(c.oid, false) end end as size_bytes
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_dist_partition p on p.logicalrelid = c.oid
-- partmethod n: a reference table (repmodel t), a table of a distributed schema (in a colocation group), or a local one.
cross join lateral (select case when p.logicalrelid is null then 'local' when p.partmethod <> 'n' then 'distributed'
	when p.repmodel = 't' then 'reference' when p.colocationid > 0 then 'distributed' else 'local' end as kind) k
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
	and ($1::text = '' or n.nspname = $1)
	and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2
