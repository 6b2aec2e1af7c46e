-- SPDX-License-Identifier: PostgreSQL
-- `labctl db distribute`: $1 is a schema, $2 columns (a table is distributed by the first that it has), $3 tables to make
-- reference tables, $4 tables to leave alone, $5 whether triggers may be dropped. Lists the tables with everything that
-- prevents their distribution and what helps, so that nothing is tried that would fail. A table comes after those that its
-- foreign keys refer to. Leaves out tables of extensions.
with recursive wanted as (select w.name, w.n from unnest($2::text[]) with ordinality w (name, n)),
-- The middle tables of osm2pgsql --slim, which it reads and writes row by row during updates.
middle as (
	select format('%s_%s', left(w.relname, -5), e.ending) as name
	from pg_class w
	join pg_namespace n on n.oid = w.relnamespace and n.nspname = $1
	join pg_attribute a on a.attrelid = w.oid and a.attname = 'nodes' and a.atttypid = 'bigint[]'::regtype
	join pg_class r on r.relnamespace = w.relnamespace and r.relname = left(w.relname, -5) || '_rels'
	join pg_attribute m on m.attrelid = r.oid and m.attname = 'members'
	cross join (values ('nodes'), ('ways'), ('rels'), ('users')) e (ending)
	where w.relname ~ '_ways$'),
tables as (
	select c.oid, c.relname, c.relkind, c.relispartition, p.logicalrelid is not null and p.partmethod <> 'n' as is_distributed,
		coalesce(p.partmethod = 'n' and p.repmodel = 't', false) as is_reference,
		coalesce(p.partmethod = 'n' and p.repmodel <> 't' and p.colocationid > 0, false) as is_in_schema,
		c.relname = any ($3::text[]) as to_reference, c.relname = any ($4::text[]) as is_excluded,
		case when p.partmethod <> 'n' then column_to_column_name(c.oid, p.partkey::text)
			when c.relname <> all ($3::text[]) then (select w.name from wanted w
				join pg_attribute a on a.attrelid = c.oid and a.attname = w.name and a.attnum > 0 and not a.attisdropped
				order by w.n limit 1) end as "column"
	from pg_class c
	left join pg_dist_partition p on p.logicalrelid = c.oid
	where c.relkind in ('r', 'p', 'f', 'v', 'm')),
-- Tables that are skipped regardless of their constraints.
left_alone as (
	select t.oid, case
		when t.relkind in ('v', 'm') then 'is a view'
		when t.relkind = 'f' then 'is a foreign table'
		when t.relispartition then (select format('is a partition: distributed with %s', i.inhparent::regclass) from pg_inherits i
			where i.inhrelid = t.oid)
		when t.is_distributed then format('is already distributed by %I', t."column")
		when t.is_reference then 'is a reference table'
		when t.is_in_schema then 'is in a distributed schema'
		when t.is_excluded then 'excluded by --exclude'
		when t.to_reference then null
		when t.relname in (select name from middle) then
			'is a middle table of osm2pgsql --slim: stays local, because updates read and write it row by row'
		when t."column" is null and not exists (select from wanted) then 'not named by --reference'
		when t."column" is null then format('has no column %s',
			(select string_agg(quote_ident(w.name), ' or ' order by w.n) from wanted w)) end as why
	from tables t join pg_class c on c.oid = t.oid join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1),
todo as (select t.*, a.attnum, a.atttypid, a.attcollation, a.attgenerated from tables t
	join left_alone l on l.oid = t.oid and l.why is null
	left join pg_attribute a on a.attrelid = t.oid and a.attname = t."column"),
-- Foreign keys of the tables to distribute, and what the tables they refer to will be.
keys as (
	select k.oid, k.conname, k.conrelid as child, k.confrelid as parent, k.confdeltype, k.confupdtype, k.confrelid::regclass::text as other,
		f.relname as parent_name, todo.attnum, coalesce(f.is_reference or d.to_reference, false) as is_reference,
		coalesce(f.is_distributed or (d.oid is not null and not d.to_reference), false) as is_distributed,
		todo.to_reference, k.conkey,
		exists (select from unnest(k.conkey, k.confkey) p (mine, theirs) join pg_attribute a on a.attrelid = k.confrelid
			and a.attnum = p.theirs where p.mine = todo.attnum and a.attname = f."column" and a.atttypid = todo.atttypid) as is_paired
	from pg_constraint k
	join todo on todo.oid = k.conrelid
	join tables f on f.oid = k.confrelid
	left join todo d on d.oid = k.confrelid
	where k.contype = 'f' and k.conparentid = 0),
-- Foreign keys of tables of any schema that stay as they are, to tables to distribute.
outside as (
	select k.conname, k.conrelid::regclass::text as child, k.confrelid as parent, todo.relname as parent_name
	from pg_constraint k join todo on todo.oid = k.confrelid and not todo.to_reference
	where k.contype = 'f' and k.conparentid = 0 and not exists (select from todo t where t.oid = k.conrelid)),
-- All tables that a table refers to, directly or not.
needs as (
	select child, parent from keys where child <> parent
	union
	select n.child, k.parent from needs n join keys k on k.child = n.parent and k.child <> k.parent),
-- The base type of a column, without domains and arrays.
types (oid, base) as (
	select distinct todo.oid, todo.atttypid from todo where todo.atttypid is not null
	union
	select s.oid, case when t.typtype = 'd' then t.typbasetype else t.typelem end from types s join pg_type t on t.oid = s.base
	where t.typtype = 'd' or t.typcategory = 'A'),
blockers as (
	-- Citus cannot enforce uniqueness across shards.
	select todo.oid, 1 as n, format('%s %I does not include %I: use --exclude, --reference or another key',
		case when i.indisprimary then 'primary key' when i.indisexclusion then 'exclusion constraint' else 'unique index' end,
		x.relname, todo."column") as why
	from todo join pg_index i on i.indrelid = todo.oid join pg_class x on x.oid = i.indexrelid
	where not todo.to_reference and (i.indisunique or i.indisexclusion) and todo.attnum <> all (i.indkey)
	union all
	select g.oid, 2, format('has trigger %s: --drop-triggers drops it', string_agg(quote_ident(g.tgname), ', ' order by g.tgname))
	from (select distinct todo.oid, t.tgname from todo
		join pg_trigger t on not t.tgisinternal and t.tgparentid = 0
			and (t.tgrelid = todo.oid or t.tgrelid in (select relid from pg_partition_tree(todo.oid)))) g
	where not $5::boolean and coalesce(current_setting('citus.enable_unsafe_triggers', true), 'off') <> 'on'
	group by g.oid
	union all
	select todo.oid, 3, format('is a parent of %s: inheritance cannot be distributed',
		(select string_agg(i.inhrelid::regclass::text, ', ') from pg_inherits i where i.inhparent = todo.oid))
	from todo where todo.relkind = 'r' and exists (select from pg_inherits i where i.inhparent = todo.oid)
	union all
	select todo.oid, 3, format('inherits from %s: first run ALTER TABLE %s NO INHERIT %1$s', i.inhparent::regclass, todo.oid::regclass)
	from todo join pg_inherits i on i.inhrelid = todo.oid
	union all
	select todo.oid, 4, format('its partition %s has partitions itself', s.relid::regclass)
	from todo cross join lateral pg_partition_tree(todo.oid) s where todo.relkind = 'p' and s.level > 0 and not s.isleaf
	union all
	select todo.oid, 4, format('its partition %s is a foreign table', s.relid::regclass)
	from todo cross join lateral pg_partition_tree(todo.oid) s join pg_class c on c.oid = s.relid and c.relkind = 'f'
	union all
	select todo.oid, 4, 'is partitioned, which a reference table cannot be'
	from todo where todo.relkind = 'p' and todo.to_reference
	union all
	select todo.oid, 5, format('%I is a generated column: use another --column', todo."column")
	from todo where todo.attgenerated <> ''
	union all
	select todo.oid, 5, format('%I has type %s, which has no hash function: use another --column', todo."column", format_type(todo.atttypid, null))
	from todo join types s on s.oid = todo.oid join pg_type t on t.oid = s.base
	where t.typtype in ('b', 'p') and t.typcategory <> 'A' and not exists (select from pg_opclass o join pg_am m on m.oid = o.opcmethod
		where m.amname = 'hash' and o.opcdefault and (o.opcintype = s.base or exists (select from pg_cast b
			where b.castsource = s.base and b.casttarget = o.opcintype and b.castmethod = 'b' and b.castcontext = 'i')))
	union all
	select todo.oid, 5, format('%I has the nondeterministic collation %I: use another --column', todo."column", o.collname)
	from todo join pg_collation o on o.oid = todo.attcollation and not o.collisdeterministic
	union all
	select k.child, 6, format('foreign key %I to %s, which stays local: --reference %s', k.conname, k.other, k.parent_name)
	from keys k where not k.is_reference and not k.is_distributed and not k.to_reference
	union all
	-- Citus would distribute the table, but no longer check the key.
	select k.parent, 6, format('foreign key %I of %s, which stays local: --reference %s', k.conname, k.child, k.parent_name)
	from outside k
	union all
	select k.child, 6, format('foreign key %I to %s, which is distributed: a reference table cannot have one', k.conname, k.other)
	from keys k where k.is_distributed and k.to_reference
	union all
	select k.child, 6, format('foreign key %I to %s does not include the distribution columns: --reference %s', k.conname, k.other, k.parent_name)
	from keys k where k.is_distributed and not k.to_reference and not k.is_paired
	union all
	select k.child, 6, format('foreign key %I may change the distribution column %I', k.conname, (select t."column" from todo t where t.oid = k.child))
	from keys k where not k.to_reference and k.attnum = any (k.conkey) and (k.confdeltype in ('n', 'd') or k.confupdtype in ('n', 'd', 'c'))
	union all
	select n.child, 7, 'its foreign keys form a cycle' from needs n where n.child = n.parent),
-- A table that refers to a blocked table is blocked too, and so is a distributed table that a blocked one refers to.
blocked as (
	select distinct oid from blockers
	union
	select case when k.parent = b.oid then k.child else k.parent end
	from blocked b join keys k on k.parent = b.oid or (k.child = b.oid and k.is_distributed))
select $1::text as schema, t.relname as "table",
	case when w.why is not null then 'skipped' when t.to_reference then 'would make reference' else 'would distribute' end as result,
	t."column", t.is_distributed or t.is_reference as is_distributed, s.size_bytes, s.local_bytes, w.why
from left_alone l
join tables t on t.oid = l.oid
-- The size of a partitioned table is that of its partitions.
cross join lateral (select sum(pg_total_relation_size(f.oid))::bigint as size_bytes, sum(pg_relation_size(f.oid))::bigint as local_bytes
	from (select t.oid where t.relkind <> 'p' union select relid from pg_partition_tree(t.oid)) f) s
cross join lateral (select coalesce(l.why, (select string_agg(b.why, '; ' order by b.n, b.why) from blockers b where b.oid = t.oid),
	(select format('foreign key to %s, which is skipped', string_agg(k.other, ', ' order by k.other)) from keys k
		join blocked b on b.oid = k.parent where k.child = t.oid having count(*) > 0),
	(select format('foreign key of %s, which is skipped', string_agg(distinct k.child::regclass::text, ', ')) from keys k
		join blocked b on b.oid = k.child where k.parent = t.oid and k.is_distributed and k.child <> t.oid having count(*) > 0)) as why) w
where not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = t.oid and d.deptype = 'e')
order by w.why is not null, (select count(*) from needs n where n.child = t.oid), not t.to_reference, t.relname
