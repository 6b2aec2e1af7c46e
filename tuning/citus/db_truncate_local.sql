-- SPDX-License-Identifier: PostgreSQL
-- One table: $1 is its schema, $2 its name. Frees the coordinator's disk of the rows it had before it was distributed.
select truncate_local_data_after_distributing_table(format('%I.%I', $1::text, $2::text)::regclass)
