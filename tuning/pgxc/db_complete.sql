-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator: completes a database that exists on some nodes only. CREATE DATABASE and DROP DATABASE run on all nodes
-- but not in one transaction, so an interruption leaves some behind. In maintenance mode, a coordinator can make another node
-- run them alone. Checks twice, because a new row may be invisible for a moment.
--@ try 60
--@ run
--@ quiet
set xc_maintenance_mode = on
@{each coordinator}
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int < 90200
--@ if select 1 from pg_catalog.pg_database where datname = @{db.name:sql} and datname ~ '^[a-z_][a-z0-9_]*$' and @{peer.nodename:sql} <> current_setting('pgxc_node_name')
--@ unless execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ unless execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
execute direct on @{peer.nodename:ident} 'create database @{db.name:raw}'
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int >= 90200
--@ if select 1 from pg_catalog.pg_database where datname = @{db.name:sql} and datname ~ '^[a-z_][a-z0-9_]*$' and @{peer.nodename:sql} <> current_setting('pgxc_node_name')
--@ unless execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ unless execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
execute direct on (@{peer.nodename:ident}) 'create database @{db.name:raw}'
@{end}
@{each datanode}
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int < 90200
--@ if select 1 from pg_catalog.pg_database where datname = @{db.name:sql} and datname ~ '^[a-z_][a-z0-9_]*$'
--@ unless execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ unless execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
execute direct on @{peer.nodename:ident} 'create database @{db.name:raw}'
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int >= 90200
--@ if select 1 from pg_catalog.pg_database where datname = @{db.name:sql} and datname ~ '^[a-z_][a-z0-9_]*$'
--@ unless execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ unless execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
execute direct on (@{peer.nodename:ident}) 'create database @{db.name:raw}'
@{end}
