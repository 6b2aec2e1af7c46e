-- SPDX-License-Identifier: PostgreSQL
-- Creates the extensions of all templates in the superuser's database: the longest list first, each in its order. Citus is
-- updated first: it does not work while its version differs from that of its library, which bootstrap may have replaced.
--@ if select from pg_available_extensions where name = 'citus' and installed_version <> default_version
--@ quiet
set citus.enable_ddl_propagation to off
--@ if select from pg_available_extensions where name = 'citus' and installed_version <> default_version
alter extension citus update
--@ if select 1 from (select ''::text as l@{each template} union all select @{template.extensions:sql}@{end}) t, regexp_split_to_table(l, ' ') e where e <> '' and e not in (select extname from pg_extension)
do $do$
declare
	e text;
begin
	for e in
		select w.e from (select ''::text as l@{each template} union all select @{template.extensions:sql}@{end}) t,
			regexp_split_to_table(l, ' ') with ordinality w (e, n)
		where w.e <> '' order by length(l) desc, n
	loop
		execute format('create extension if not exists %I', e);
	end loop;
end
$do$
