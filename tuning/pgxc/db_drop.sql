-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator, which drops the database on all others and on the datanodes. db_complete.sql drops what is left there.
--@ try 60
--@ if select 1 from pg_catalog.pg_database where datname = @{db.name:sql}
drop database @{db.name:ident}
--@ try 60
--@ run
--@ quiet
set xc_maintenance_mode = on
@{each coordinator}
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int < 90200
--@ if select 1 where @{db.name:sql} ~ '^[a-z_][a-z0-9_]*$' and @{peer.nodename:sql} <> current_setting('pgxc_node_name')
--@ if execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ if execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
execute direct on @{peer.nodename:ident} 'drop database @{db.name:raw}'
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int >= 90200
--@ if select 1 where @{db.name:sql} ~ '^[a-z_][a-z0-9_]*$' and @{peer.nodename:sql} <> current_setting('pgxc_node_name')
--@ if execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ if execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
execute direct on (@{peer.nodename:ident}) 'drop database @{db.name:raw}'
@{end}
@{each datanode}
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int < 90200
--@ if select 1 where @{db.name:sql} ~ '^[a-z_][a-z0-9_]*$'
--@ if execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ if execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
execute direct on @{peer.nodename:ident} 'drop database @{db.name:raw}'
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int >= 90200
--@ if select 1 where @{db.name:sql} ~ '^[a-z_][a-z0-9_]*$'
--@ if execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
--@ if select 1 from pg_sleep(3)
--@ if execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
execute direct on (@{peer.nodename:ident}) 'drop database @{db.name:raw}'
@{end}
