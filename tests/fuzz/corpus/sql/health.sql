-- SPDX-License-Identifier: PostgreSQL
-- Is this server of use? Changes nothing. The primary takes writes and has a slot in use per standby; a standby streams.
--@ expect t
--@ try 5
select case @{role:sql}
	when 'primary' then not pg_is_in_recovery()
		and (select count(*) from pg_replication_slots where active and slot_type = 'physical') >= @{standby.count:sql}::int
	else pg_is_in_recovery() and exists (select from pg_stat_wal_receiver where status = 'streaming')
	end;
