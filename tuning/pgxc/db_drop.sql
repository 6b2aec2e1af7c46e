-- SPDX-License-Identifier: PostgreSQL
-- On one coordinator, which drops it on all others and on the datanodes.
--@ if select 1 from pg_database where datname = @{db.name:sql}
drop database @{db.name:ident}
