-- SPDX-License-Identifier: PostgreSQL
-- What a server says of itself before another one takes over; columns: struct standing in src/plan/plan.h.
select pg_is_in_recovery()::int as recovers,
	(select count(*) from pg_stat_wal_receiver where status = 'streaming') as streams,
	case when pg_is_in_recovery()
		then greatest(coalesce(pg_last_wal_receive_lsn(), '0/0'), coalesce(pg_last_wal_replay_lsn(), '0/0'))
		else pg_current_wal_flush_lsn() end - '0/0'::pg_lsn as wal,
	case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0') else pg_current_wal_flush_lsn() end - '0/0'::pg_lsn
		as replayed,
	coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000, -1)::bigint as age_ms,
	(select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()) as sessions,
	(select count(*) from pg_stat_activity where backend_type = 'client backend' and backend_xid is not null) as writing
