-- SPDX-License-Identifier: PostgreSQL
-- Registers all nodes at a coordinator. Runs on every coordinator, after demote.sql, in
-- one session: node definitions are not propagated.
@{each datanode}
--@ try 60
--@ unless select 1 from pg_catalog.pgxc_node where node_name = @{peer.nodename:sql}
create node @{peer.nodename:ident} with (type = datanode, host = @{peer.address:sql}, port = @{peer.port}, primary = @{peer.first}, preferred = @{peer.self})
--@ try 60
--@ unless select 1 from pg_catalog.pgxc_node where node_name = @{peer.nodename:sql} and node_type = 'D' and node_host = @{peer.address:sql} and node_port = @{peer.port} and nodeis_primary = @{peer.first:sql}::bool and nodeis_preferred = @{peer.self:sql}::bool
alter node @{peer.nodename:ident} with (type = datanode, host = @{peer.address:sql}, port = @{peer.port}, primary = @{peer.first}, preferred = @{peer.self})
@{end}
@{each coordinator}
--@ try 60
--@ unless select 1 from pg_catalog.pgxc_node where node_name = @{peer.nodename:sql}
create node @{peer.nodename:ident} with (type = coordinator, host = @{peer.address:sql}, port = @{peer.port})
--@ try 60
--@ unless select 1 from pg_catalog.pgxc_node where node_name = @{peer.nodename:sql} and node_type = 'C' and node_host = @{peer.address:sql} and node_port = @{peer.port}
alter node @{peer.nodename:ident} with (host = @{peer.address:sql}, port = @{peer.port})
@{end}
@{each group}
--@ try 60
--@ if select 1 from pg_catalog.pgxc_group where group_name = @{group.name:sql}
--@ unless select 1 from pg_catalog.pgxc_group g where g.group_name = @{group.name:sql} and (select array_agg(n.node_name::text order by n.node_name::text) from pg_catalog.pgxc_node n where n.oid = any (g.group_members::oid[])) = (select array_agg(trim(both ' "' from m) order by trim(both ' "' from m)) from regexp_split_to_table(@{group.members:sql}, ',') m)
drop node group @{group.name:ident}
--@ try 60
--@ unless select 1 from pg_catalog.pgxc_group where group_name = @{group.name:sql}
--@ if select 1 where current_setting('server_version_num')::int < 90200
create node group @{group.name:ident} with @{group.members:raw}
--@ try 60
--@ unless select 1 from pg_catalog.pgxc_group where group_name = @{group.name:sql}
--@ if select 1 where current_setting('server_version_num')::int >= 90200
create node group @{group.name:ident} with (@{group.members:raw})
@{end}
-- Only then: it ends what sessions do, in a signal handler, and 1.0 finds reasons to do it when nothing has changed; the coordinator
-- may crash. Without it new sessions know the nodes all the same.
--@ after-change
--@ try 60
--@ expect t
select pgxc_pool_reload()
