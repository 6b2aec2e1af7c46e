-- SPDX-License-Identifier: PostgreSQL
-- Empties the tables, unless they are as after the load.
--@ if select 1 where exists (select 1 from @{schema:raw}.entry) or (select count(*) from @{schema:raw}.item where v = 0) <> 10000 * @{scale} or (select count(*) from @{schema:raw}.pair where v = 0) <> 8000 * @{scale} or (select count(*) from @{schema:raw}.ref where v = 0) <> 1000 or (select count(*) from @{schema:raw}.line) <> 30000 * @{scale} or (select count(*) from @{schema:raw}.visit) <> 2000 * @{scale}
truncate @{schema:raw}.item, @{schema:raw}.line, @{schema:raw}.visit, @{schema:raw}.pair, @{schema:raw}.entry
--@ after-change
truncate @{schema:raw}.ref
