-- SPDX-License-Identifier: PostgreSQL
-- On a standby: waits for the new database.
--@ expect 1
--@ try 60
select count(*) from pg_database where datname = @{db.name:sql}
