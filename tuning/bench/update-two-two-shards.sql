-- SPDX-License-Identifier: PostgreSQL
\set i 2 * random(0, 3)
\set j :i + 1
\set a @{part.i:raw}
\set b @{part.j:raw}
\set x random(1, 500 * @{scale})
\set y random(500 * @{scale} + 1, 1000 * @{scale})
\set delta random(1, 100)
begin;
update @{schema:raw}.pair set v = v - :delta where part = :a and id = :x;
update @{schema:raw}.pair set v = v + :delta where part = :b and id = :y;
end;
