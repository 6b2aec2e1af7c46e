-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator, which makes it on all others and on the datanodes.
--@ unless select 1 from pg_database where datname = @{db.name:sql}
create database @{db.name:ident}
