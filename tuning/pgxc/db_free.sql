-- SPDX-License-Identifier: PostgreSQL
-- On every coordinator: nobody may be connected to a database that is dropped. --force ends these sessions; then the
-- connections to other nodes that the pooler ("pgxc") keeps for it are closed.
@{if db.force}
--@ if select 1 from pg_stat_activity where datname = @{db.name:sql} and application_name <> 'pgxc'
select pg_terminate_backend(procpid) from pg_stat_activity where datname = @{db.name:sql} and application_name <> 'pgxc'
@{end}
--@ expect nobody
@{if db.force}
--@ try 10
@{end}
select coalesce('in use by ' || string_agg('process ' || procpid || ' of ' || usename || ' (' || application_name || ') since '
	|| date_trunc('second', backend_start), ', '), 'nobody')
from pg_stat_activity where datname = @{db.name:sql} and application_name <> 'pgxc'
--@ if select 1 from pg_database where datname = @{db.name:sql}
--@ quiet
clean connection to all for database @{db.name:ident}
