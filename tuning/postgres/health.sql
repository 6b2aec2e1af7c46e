-- SPDX-License-Identifier: PostgreSQL
-- Health check; changes nothing. The primary must accept writes and have an active slot per standby; a standby must stream.
-- 20 s, which includes the time of the query: on a busy host, an emulated machine that had just gone on from its memory once had not
-- answered after 5 s.
--@ expect t
--@ try 20
select case @{role:sql}
	when 'primary' then not pg_is_in_recovery()
		and (select count(*) from pg_replication_slots where active and slot_type = 'physical') >= @{standby.count:sql}::int
	else pg_is_in_recovery() and exists (select from pg_stat_wal_receiver where status = 'streaming')
	end;
