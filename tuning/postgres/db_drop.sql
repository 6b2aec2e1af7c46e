-- SPDX-License-Identifier: PostgreSQL
-- Drops a database without sessions; with --force, also ends a session that connected meanwhile. First ends the
-- connections of Citus itself.
--@ if select from pg_stat_activity where datname = @{db.name:sql} and (application_name ~ '^citus_' or backend_type ~ '^Citus')
--@ quiet
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = @{db.name:sql} and (application_name ~ '^citus_' or backend_type ~ '^Citus')
--@ if select from pg_database where datname = @{db.name:sql}
drop database @{db.name:ident}@{if db.force} with (force)@{end}
