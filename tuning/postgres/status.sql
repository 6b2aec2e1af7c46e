-- SPDX-License-Identifier: PostgreSQL
-- Returns one value: empty if this server does the work of its role, else what is wrong.
select case
	when @{role:sql} = 'primary' and pg_is_in_recovery() then 'is a standby now'
	when @{role:sql} = 'standby' and not pg_is_in_recovery() then 'was promoted: it is a primary now'
	when @{role:sql} = 'standby' and not exists (select from pg_stat_wal_receiver where status = 'streaming')
		then 'does not stream from the primary'
	else '' end
