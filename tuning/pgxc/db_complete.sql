-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator: what is there of its databases is on all nodes. CREATE DATABASE and DROP DATABASE go to all of them,
-- not in one transaction: what was interrupted is on some. In maintenance mode a coordinator may tell another node to do
-- it alone. A name that does not fit is on no node. A new row may not be seen for a moment: who has none is asked twice.
--@ run
--@ quiet
set xc_maintenance_mode = on
@{each coordinator}
--@ if select 1 from pg_database where datname = @{db.name:sql} and datname ~ '^[a-z_][a-z0-9_]*$' and @{peer.nodename:sql} <> current_setting('pgxc_node_name')
--@ unless execute direct on @{peer.nodename:ident} 'select 1 from pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ unless execute direct on @{peer.nodename:ident} 'select 1 from pg_database where datname = ''@{db.name:raw}'''
execute direct on @{peer.nodename:ident} 'create database @{db.name:raw}'
@{end}
@{each datanode}
--@ if select 1 from pg_database where datname = @{db.name:sql} and datname ~ '^[a-z_][a-z0-9_]*$'
--@ unless execute direct on @{peer.nodename:ident} 'select 1 from pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ unless execute direct on @{peer.nodename:ident} 'select 1 from pg_database where datname = ''@{db.name:raw}'''
execute direct on @{peer.nodename:ident} 'create database @{db.name:raw}'
@{end}
