-- SPDX-License-Identifier: PostgreSQL
\set cat random(1, 1000)
@{if citus}
set citus.enable_repartition_joins = on;
set citus.enable_single_hash_repartition_joins = on;
@{end}
select count(*), sum(v.qty) from @{schema:raw}.item i join @{schema:raw}.visit v on v.item_id = i.id where i.cat = :cat;
