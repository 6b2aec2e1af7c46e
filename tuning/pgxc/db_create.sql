-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator, which makes it on all others and on the datanodes.
-- Postgres-XC 1.0 puts the name into connection strings and statements of its own as it is: another one cannot be used.
--@ expect fit
select case when @{db.name:sql} ~ '^[a-z_][a-z0-9_]*$' then 'fit'
	else 'a name that Postgres-XC cannot use: small letters, digits and _ only' end
--@ unless select 1 from pg_database where datname = @{db.name:sql}
create database @{db.name:ident}
