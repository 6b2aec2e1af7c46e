-- SPDX-License-Identifier: PostgreSQL
-- The new database is here too.
--@ expect 1
select count(*) from pg_database where datname = @{db.name:sql}
