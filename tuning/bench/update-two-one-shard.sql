-- SPDX-License-Identifier: PostgreSQL
\set i random(0, 7)
\set a @{part.i:raw}
\set x random(1, 500 * @{scale})
\set y random(500 * @{scale} + 1, 1000 * @{scale})
\set delta random(1, 100)
begin;
update @{schema:raw}.pair set v = v - :delta where part = :a and id = :x;
update @{schema:raw}.pair set v = v + :delta where part = :a and id = :y;
end;
