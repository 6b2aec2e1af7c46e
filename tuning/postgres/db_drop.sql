-- SPDX-License-Identifier: PostgreSQL
-- A database that nobody uses any more; with --force also against a session that has come meanwhile.
--@ if select from pg_database where datname = @{db.name:sql}
drop database @{db.name:ident}@{if db.force} with (force)@{end}
