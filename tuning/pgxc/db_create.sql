-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator, which creates the database on all others and on the datanodes.
-- Postgres-XC 1.0 puts the name unquoted into connection strings and statements, so other names do not work.
-- labctl has checked this before; this check is for names from elsewhere.
--@ try 60
--@ unless select 1 where @{db.name:sql} ~ '^[a-z_][a-z0-9_]*$'
do $$ begin
	raise exception 'the servers cannot use this name: only a-z, 0-9 and _ are allowed, and no digit first';
end $$
-- A database that exists only on another node may have tables: create and remove nothing, and let the user decide.
@{each coordinator}
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int < 90200
--@ unless select 1 from pg_catalog.pg_database where datname = @{db.name:sql} or @{peer.nodename:sql} = current_setting('pgxc_node_name')
--@ if execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
do $$ begin
	raise exception 'it is on % but not on %: drop it with labctl db drop, then create it again',
		@{peer.nodename:sql}, current_setting('pgxc_node_name');
end $$
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int >= 90200
--@ unless select 1 from pg_catalog.pg_database where datname = @{db.name:sql} or @{peer.nodename:sql} = current_setting('pgxc_node_name')
--@ if execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
do $$ begin
	raise exception 'it is on % but not on %: drop it with labctl db drop, then create it again',
		@{peer.nodename:sql}, current_setting('pgxc_node_name');
end $$
@{end}
@{each datanode}
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int < 90200
--@ unless select 1 from pg_catalog.pg_database where datname = @{db.name:sql} or @{peer.nodename:sql} = current_setting('pgxc_node_name')
--@ if execute direct on @{peer.nodename:ident} 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
do $$ begin
	raise exception 'it is on % but not on %: drop it with labctl db drop, then create it again',
		@{peer.nodename:sql}, current_setting('pgxc_node_name');
end $$
--@ try 60
--@ if select 1 where current_setting('server_version_num')::int >= 90200
--@ unless select 1 from pg_catalog.pg_database where datname = @{db.name:sql} or @{peer.nodename:sql} = current_setting('pgxc_node_name')
--@ if execute direct on (@{peer.nodename:ident}) 'select 1 from pg_catalog.pg_database where datname = ''@{db.name:raw}'''
do $$ begin
	raise exception 'it is on % but not on %: drop it with labctl db drop, then create it again',
		@{peer.nodename:sql}, current_setting('pgxc_node_name');
end $$
@{end}
--@ try 60
--@ unless select 1 from pg_catalog.pg_database where datname = @{db.name:sql}
create database @{db.name:ident}
