-- SPDX-License-Identifier: PostgreSQL
-- Registers the nodes at the coordinator. Each database has a list of its own, so this can run in any database that has the
-- extension on all nodes. Versions before 10 have only the older function names.
--@ if select 1 from pg_proc where proname = 'citus_set_coordinator_host'
--@ unless select 1 from pg_dist_node where groupid = 0 and nodename = @{address:sql} and nodeport = @{port}
select citus_set_coordinator_host(@{address:sql}, @{port})
@{each worker}
--@ if select 1 from pg_proc where proname = 'citus_add_node'
--@ unless select 1 from pg_dist_node where nodename = @{peer.address:sql} and nodeport = @{peer.port}
select citus_add_node(@{peer.address:sql}, @{peer.port})
--@ unless select 1 from pg_dist_node where nodename = @{peer.address:sql} and nodeport = @{peer.port}
select master_add_node(@{peer.address:sql}, @{peer.port})
-- For a worker that was disabled, or that was not reachable when it was added.
--@ unless select 1 from pg_dist_node where nodename = @{peer.address:sql} and nodeport = @{peer.port} and isactive
select master_activate_node(@{peer.address:sql}, @{peer.port})
@{end}
-- Without workers, the coordinator holds the shards.
--@ if select 1 where @{worker.count:sql}::int = 0
--@ unless select 1 from pg_dist_node where groupid = 0 and shouldhaveshards
select citus_set_node_property(@{address:sql}, @{port}, 'shouldhaveshards', true)
--@ expect @{worker.count}
select count(*) from pg_dist_node where isactive and noderole = 'primary' and groupid <> 0
