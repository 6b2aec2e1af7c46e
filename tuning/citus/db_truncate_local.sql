-- SPDX-License-Identifier: PostgreSQL
-- One table: $1 is its schema, $2 its name. What it held before it was distributed goes from the coordinator's disk.
select truncate_local_data_after_distributing_table(format('%I.%I', $1::text, $2::text)::regclass)
