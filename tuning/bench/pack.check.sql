-- SPDX-License-Identifier: PostgreSQL
-- One statement: what must be true after any number of transactions, and of the places of the rows. Rows: name, ok, text.
select 'row counts' as name, i = 10000 * @{scale} and l = 30000 * @{scale} and v = 2000 * @{scale} and p = 8000 * @{scale} and r = 1000 as ok,
	i || ' items, ' || l || ' lines, ' || v || ' visits, ' || p || ' pairs, ' || r || ' rows of the reference table' as text
from (select (select count(*) from @{schema:raw}.item) as i, (select count(*) from @{schema:raw}.line) as l,
	(select count(*) from @{schema:raw}.visit) as v, (select count(*) from @{schema:raw}.pair) as p,
	(select count(*) from @{schema:raw}.ref) as r) counts
union all
select 'transfers complete', s = 0, 'the sum over all pairs is ' || s
from (select coalesce(sum(v), 0) as s from @{schema:raw}.pair) transfers
union all
select 'inserts complete', bad = 0, bad || ' inserts have other than 8 rows'
from (select count(*) as bad from (select tx from @{schema:raw}.entry group by tx having count(*) <> 8) t) inserts
@{if citus}
union all
select 'copies equal', count(distinct result) = 1 and bool_and(success), count(*) || ' copies, ' || count(distinct result) || ' different'
from run_command_on_placements('@{schema:raw}.ref', $$select md5(string_agg(r::text, ';' order by id)) from %s r$$)
union all
select 'parts in shards', nodes < 2 or (same = 0 and shards = least(8, nodes)),
	'8 parts in ' || shards || ' shards of ' || nodes || ' nodes; ' || same || ' pairs of parts on one node'
from (select count(distinct a.shardid) as shards, (select count(*) from pg_dist_node where shouldhaveshards and isactive and noderole = 'primary') as nodes,
	count(*) filter (where a.groupid = b.groupid and a.place < b.place) as same
	from (select p.place, s.shardid, s.groupid from unnest(array[@{parts:raw}]) with ordinality p (part, place)
		join pg_dist_placement s on s.shardid = get_shard_id_for_distribution_column('@{schema:raw}.pair', p.part)) a
	join (select p.place, s.shardid, s.groupid from unnest(array[@{parts:raw}]) with ordinality p (part, place)
		join pg_dist_placement s on s.shardid = get_shard_id_for_distribution_column('@{schema:raw}.pair', p.part)) b
	on (a.place - 1) / 2 = (b.place - 1) / 2) places
@{end}
@{if pgxc}
union all
select 'copies equal', count(distinct answer) = 1, count(answer) || ' copies, ' || count(distinct answer) || ' different'
from (select @{schema:raw}.on_node(node_name::text, 'select sum(hashtext(r::text)::bigint) || '' '' || count(*) from @{schema:raw}.ref r') as answer
	from pgxc_node where node_type = 'D') copies
union all
select 'parts in shards', nodes < 2 or (places = 8 and parts = 8 and used = least(8, nodes) and same = 0),
	parts || ' parts in ' || places || ' places on ' || used || ' of ' || nodes || ' nodes; ' || same || ' pairs of parts on one node'
from (select (select count(*) from pgxc_node where node_type = 'D') as nodes, count(*) as places, count(distinct part) as parts,
		count(distinct node) as used, count(distinct part / 2) * 2 - count(distinct (part / 2)::text || ' ' || node::text) as same
	from (select part, xc_node_id as node from @{schema:raw}.pair group by part, xc_node_id) p) places
@{end}
union all
select 'no prepared transaction', @{prepared:raw} = 0, @{prepared:raw} || ' prepared transactions are left over'
