-- SPDX-License-Identifier: PostgreSQL
-- A database, copied from its template.
--@ unless select from pg_database where datname = @{db.name:sql}
create database @{db.name:ident} template @{db.template:ident}
