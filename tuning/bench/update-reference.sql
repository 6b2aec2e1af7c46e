-- SPDX-License-Identifier: PostgreSQL
\set id random(1, 1000)
update @{schema:raw}.ref set v = v + 1 where id = :id;
