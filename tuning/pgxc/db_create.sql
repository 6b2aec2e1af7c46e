-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator, which makes it on all others and on the datanodes.
-- Postgres-XC 1.0 puts the name into connection strings and statements of its own as it is: another one cannot be used.
-- labctl has looked before; a name of another origin ends here.
--@ unless select 1 where @{db.name:sql} ~ '^[a-z_][a-z0-9_]*$'
do $$ begin
	raise exception 'Postgres-XC cannot use this name: small letters, digits and _ only, a digit not first';
end $$
-- On another node only, it may have tables: nothing is made, and nothing removed, before somebody has looked.
@{each coordinator}
--@ unless select 1 from pg_database where datname = @{db.name:sql} or @{peer.nodename:sql} = current_setting('pgxc_node_name')
--@ if execute direct on @{peer.nodename:ident} 'select 1 from pg_database where datname = ''@{db.name:raw}'''
do $$ begin
	raise exception 'it is on % but not on %: labctl db drop removes what is left of it, then create makes it',
		@{peer.nodename:sql}, current_setting('pgxc_node_name');
end $$
@{end}
@{each datanode}
--@ unless select 1 from pg_database where datname = @{db.name:sql} or @{peer.nodename:sql} = current_setting('pgxc_node_name')
--@ if execute direct on @{peer.nodename:ident} 'select 1 from pg_database where datname = ''@{db.name:raw}'''
do $$ begin
	raise exception 'it is on % but not on %: labctl db drop removes what is left of it, then create makes it',
		@{peer.nodename:sql}, current_setting('pgxc_node_name');
end $$
@{end}
--@ unless select 1 from pg_database where datname = @{db.name:sql}
create database @{db.name:ident}
