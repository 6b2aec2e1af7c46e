-- SPDX-License-Identifier: PostgreSQL
-- Distributes one table: $1 is its schema, $2 its name, $3 the column. Copies its rows to the shards.
select create_distributed_table(format('%I.%I', $1::text, $2::text)::regclass, $3::text)
