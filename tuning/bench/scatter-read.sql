-- SPDX-License-Identifier: PostgreSQL
\set cat random(1, 1000)
select count(*), sum(v) from @{schema:raw}.item where cat = :cat;
