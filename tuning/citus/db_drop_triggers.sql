-- SPDX-License-Identifier: PostgreSQL
-- Drops the triggers of one table and of its partitions, in the transaction that distributes it. The table is in the
-- settings labctl.schema and labctl.table, because a DO block has no parameters.
do $$
declare
	t record;
begin
	for t in select g.tgname, g.tgrelid::regclass as of
		from (select format('%I.%I', current_setting('labctl.schema'), current_setting('labctl.table'))::regclass::oid as oid) me
		join pg_trigger g on not g.tgisinternal and g.tgparentid = 0
			and (g.tgrelid = me.oid or g.tgrelid in (select relid from pg_partition_tree(me.oid)))
	loop
		execute format('drop trigger %I on %s', t.tgname, t.of);
	end loop;
end $$
