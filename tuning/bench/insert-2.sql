-- SPDX-License-Identifier: PostgreSQL
\set i 2 * random(0, 3)
\set j :i + 1
\set a @{part.i:raw}
\set b @{part.j:raw}
\set tx random(1, 1000000000000000000)
insert into @{schema:raw}.entry (part, tx, n) values (:a, :tx, 1), (:b, :tx, 2), (:a, :tx, 3), (:b, :tx, 4), (:a, :tx, 5), (:b, :tx, 6), (:a, :tx, 7), (:b, :tx, 8);
