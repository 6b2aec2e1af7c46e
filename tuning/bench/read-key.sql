-- SPDX-License-Identifier: PostgreSQL
\set id random(1, 10000 * @{scale})
select v from @{schema:raw}.item where id = :id;
