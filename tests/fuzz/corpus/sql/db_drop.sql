-- SPDX-License-Identifier: PostgreSQL
-- A database that nobody uses any more; with --force also against a session that has come meanwhile. What Citus itself
-- has connected to it goes just before.
--@ if select from pg_stat_activity where datname = @{db.name:sql} and (application_name ~ '^citus_' or backend_type ~ '^Citus')
--@ quiet
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = @{db.name:sql} and (application_name ~ '^citus_' or backend_type ~ '^Citus')
--@ if select from pg_database where datname = @{db.name:sql}
drop database @{db.name:ident}@{if db.force} with (force)@{end}
