-- SPDX-License-Identifier: PostgreSQL
-- Before register.sql, on every coordinator, in a session of its own: "alter node"
-- refuses to make a primary, and to change the one there is, as long as its session
-- knows of one, which it learns only once. So first there is none.
@{each datanode}
--@ if select 1 from pg_catalog.pgxc_node where node_name = @{peer.nodename:sql} and nodeis_primary and not (@{peer.first:sql}::bool and node_host = @{peer.address:sql} and node_port = @{peer.port} and nodeis_preferred = @{peer.self:sql}::bool)
alter node @{peer.nodename:ident} with (primary = false)
@{end}
