-- SPDX-License-Identifier: PostgreSQL
-- Check that the database is gone here, too.
--@ expect 0
--@ try 60
select count(*) from pg_catalog.pg_database where datname = @{db.name:sql}
