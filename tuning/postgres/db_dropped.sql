-- SPDX-License-Identifier: PostgreSQL
-- On a standby: waits until the database is gone. The server ends its sessions there.
--@ expect 0
--@ try 60
select count(*) from pg_database where datname = @{db.name:sql}
