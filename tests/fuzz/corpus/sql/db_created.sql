-- SPDX-License-Identifier: PostgreSQL
-- On a standby: the new database has come through.
--@ expect 1
--@ try 60
select count(*) from pg_database where datname = @{db.name:sql}
