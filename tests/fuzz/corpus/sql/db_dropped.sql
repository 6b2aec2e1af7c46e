-- SPDX-License-Identifier: PostgreSQL
-- On a standby: the database is gone. Its sessions there end by themselves.
--@ expect 0
--@ try 60
select count(*) from pg_database where datname = @{db.name:sql}
