-- SPDX-License-Identifier: PostgreSQL
-- Tables with rows on the datanode that leaves or is down.
select case when x.pclocatortype = 'R' then 'a copy of ' else 'rows of ' end || quote_ident(s.nspname) || '.' || quote_ident(c.relname)
from pg_catalog.pgxc_class x
join pg_catalog.pg_class c on c.oid = x.pcrelid
join pg_catalog.pg_namespace s on s.oid = c.relnamespace
join pg_catalog.pgxc_node n on n.oid = any (x.nodeoids::oid[])
where n.node_name = @{gone.datanode.nodename:sql}
order by 1
