-- SPDX-License-Identifier: PostgreSQL
-- The new database is here too.
--@ expect 1
--@ try 20
select count(*) from pg_database where datname = @{db.name:sql}
