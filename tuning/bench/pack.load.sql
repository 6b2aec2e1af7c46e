-- SPDX-License-Identifier: PostgreSQL
-- Tables for transactions that touch a known number of shards. Each data node has one shard of each table, so that two shards
-- are two nodes and a commit in two shards is a two-phase commit.
--   item      rows with one key, distributed by it; line: three rows of each item, in its shard; visit: of items elsewhere
--   ref       a copy on every node
--   pair      eight parts (@{parts:raw}): rows of a part are in one shard, those of part 2k and 2k+1 (from 0) in two
--   entry     what the insert workloads write, in the parts of `pair`
--@ if select 1 from pg_catalog.pg_namespace where nspname = @{schema:sql}
drop schema @{schema:raw} cascade
--@ run
create schema @{schema:raw}
--@ run
create table @{schema:raw}.item (id int primary key, cat int not null, v int not null, pad char(84)) @{hash.id:raw}
--@ run
create table @{schema:raw}.line (item_id int, n int, qty int not null, primary key (item_id, n)) @{hash.item_id:raw}
--@ run
create table @{schema:raw}.visit (id int primary key, item_id int not null, qty int not null) @{hash.id:raw}
--@ run
create table @{schema:raw}.ref (id int primary key, grp int not null, name text, v int not null) @{replicated:raw}
--@ run
create table @{schema:raw}.pair (part int, id int, v int not null, pad char(84), primary key (part, id)) @{modulo.part:raw}
--@ run
create table @{schema:raw}.entry (part int not null, tx bigint not null, n int not null, pad char(84)) @{modulo.part:raw}
@{if citus}
--@ run
select create_distributed_table('@{schema:raw}.item', 'id', colocate_with := 'none', shard_count := (select count(*)::int from pg_dist_node where shouldhaveshards and isactive and noderole = 'primary'))
--@ run
select create_distributed_table('@{schema:raw}.line', 'item_id', colocate_with := '@{schema:raw}.item')
--@ run
select create_distributed_table('@{schema:raw}.visit', 'id', colocate_with := '@{schema:raw}.item')
--@ run
select create_distributed_table('@{schema:raw}.pair', 'part', colocate_with := '@{schema:raw}.item')
--@ run
select create_distributed_table('@{schema:raw}.entry', 'part', colocate_with := '@{schema:raw}.item')
--@ run
select create_reference_table('@{schema:raw}.ref')
@{end}
--@ run
create index item_cat on @{schema:raw}.item (cat)
@{if pgxc}
-- For the check: what one node answers. Version 1.1, based on 9.2, wants parentheses.
--@ run
create function @{schema:raw}.on_node(node text, query text) returns text language plpgsql as $f$
declare
	answer text;
begin
	if current_setting('server_version_num')::int >= 90200 then
		execute 'execute direct on (' || quote_ident(node) || ') ' || quote_literal(query) into answer;
	else
		execute 'execute direct on ' || quote_ident(node) || ' ' || quote_literal(query) into answer;
	end if;
	return answer;
end
$f$
@{end}
