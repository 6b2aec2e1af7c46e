-- SPDX-License-Identifier: PostgreSQL
-- `labctl db nodes`: the primary and the standbys connected to it.
select current_setting('cluster_name') as node, 'primary' as role, host(inet_server_addr()) as address, 'running' as state,
	null as lag_bytes
union all
(select application_name, 'standby', host(client_addr), state, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint
from pg_stat_replication
order by application_name)
