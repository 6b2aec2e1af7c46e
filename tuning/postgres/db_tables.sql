-- SPDX-License-Identifier: PostgreSQL
-- `labctl db tables`: $1 is a schema, or '' for all; $2 is whether every node answers. Leaves out tables of extensions.
select n.nspname as schema, c.relname as "table", 'local' as kind, null as "column", case when $2::boolean then pg_total_relation_size(c.oid) end as size_bytes
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
	and ($1::text = '' or n.nspname = $1)
	and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2
