-- SPDX-License-Identifier: PostgreSQL
-- `labctl status`: how far the standbys are behind this primary, and what its databases use.
select application_name as server, 'lag_bytes' as figure, greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint as value
from pg_stat_replication where replay_lsn is not null
union all
select application_name, 'lag_ms', (extract(epoch from coalesce(replay_lag, '0')) * 1000)::bigint
from pg_stat_replication where replay_lsn is not null
union all
select '', 'data_bytes', sum(pg_database_size(oid))::bigint from pg_database
