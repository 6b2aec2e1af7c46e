-- SPDX-License-Identifier: PostgreSQL
\set id random(1, 10000 * @{scale})
update @{schema:raw}.item set v = v + 1 where id = :id;
