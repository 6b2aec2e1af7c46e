-- SPDX-License-Identifier: PostgreSQL
\set cat random(1, 1000)
select count(*), sum(l.qty) from @{schema:raw}.item i join @{schema:raw}.line l on l.item_id = i.id where i.cat = :cat;
