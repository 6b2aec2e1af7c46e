-- SPDX-License-Identifier: PostgreSQL
-- Health check: the server answers. One statement may fail or wait for the 20 s of the GTM's clients: see the recipe.
--@ try 45
--@ expect 1
select 1
