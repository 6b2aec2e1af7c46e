-- SPDX-License-Identifier: PostgreSQL
-- Runs before register.sql on every coordinator, in a separate session. While a session knows a primary node, which it
-- reads only once, "alter node" refuses to change it or to make another one. So first remove the primary.
@{each datanode}
--@ try 60
--@ if select 1 from pg_catalog.pgxc_node where node_name = @{peer.nodename:sql} and nodeis_primary and not (@{peer.first:sql}::bool and node_host = @{peer.address:sql} and node_port = @{peer.port} and nodeis_preferred = @{peer.self:sql}::bool)
alter node @{peer.nodename:ident} with (primary = false)
@{end}
