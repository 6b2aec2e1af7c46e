-- SPDX-License-Identifier: PostgreSQL
\set i random(0, 7)
\set a @{part.i:raw}
\set tx random(1, 1000000000000000000)
insert into @{schema:raw}.entry (part, tx, n) values (:a, :tx, 1), (:a, :tx, 2), (:a, :tx, 3), (:a, :tx, 4), (:a, :tx, 5), (:a, :tx, 6), (:a, :tx, 7), (:a, :tx, 8);
