-- SPDX-License-Identifier: PostgreSQL
-- `labctl db tables`: $1 is a schema, or '' for all; $2 is whether every node answers. Tables in pgxc_class are on datanodes.
select n.nspname as schema, c.relname as "table",
	case x.pclocatortype when 'H' then 'hash' when 'M' then 'modulo' when 'N' then 'round robin' when 'R' then 'replicated' when 'S' then 'shard'
		else coalesce(x.pclocatortype::text, 'local') end as kind,
	a.attname as "column",
	(select string_agg(p.node_name::text, ' ' order by length(p.node_name::text), p.node_name)
		from pgxc_node p where p.oid = any(x.nodeoids)) as nodes,
	case when $2::boolean then pg_total_relation_size(c.oid) end as size_bytes
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pgxc_class x on x.pcrelid = c.oid
left join pg_attribute a on a.attrelid = c.oid and a.attnum = x.pcattnum
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
	and ($1::text = '' or n.nspname = $1)
order by 1, 2
