-- SPDX-License-Identifier: PostgreSQL
-- One table: $1 is its schema, $2 its name, $3 the column. Rows that it has are copied to the shards.
select create_distributed_table(format('%I.%I', $1::text, $2::text)::regclass, $3::text)
