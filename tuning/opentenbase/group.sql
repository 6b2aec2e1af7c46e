-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator: the node group that tables without one belong to, of all datanodes, and its map of shards. Both are sent to
-- every node.
--@ try 60
--@ unless select 1 from pg_catalog.pgxc_group where group_name = 'default_group'
create default node group default_group with (@{each datanode}@{if peer.first}@{else}, @{end}@{peer.nodename:ident}@{end})
--@ try 60
--@ unless select 1 from pg_catalog.pgxc_shard_map limit 1
create sharding group to group default_group
