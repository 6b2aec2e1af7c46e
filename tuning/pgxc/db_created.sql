-- SPDX-License-Identifier: PostgreSQL
-- Check that the new database is here, too.
--@ expect 1
--@ try 60
select count(*) from pg_catalog.pg_database where datname = @{db.name:sql}
