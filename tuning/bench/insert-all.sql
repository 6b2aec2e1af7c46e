-- SPDX-License-Identifier: PostgreSQL
\set tx random(1, 1000000000000000000)
insert into @{schema:raw}.entry (part, tx, n) values (@{part.0}, :tx, 1), (@{part.1}, :tx, 2), (@{part.2}, :tx, 3), (@{part.3}, :tx, 4), (@{part.4}, :tx, 5), (@{part.5}, :tx, 6), (@{part.6}, :tx, 7), (@{part.7}, :tx, 8);
