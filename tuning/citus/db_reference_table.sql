-- SPDX-License-Identifier: PostgreSQL
-- Makes a reference table: $1 is its schema, $2 its name. Copies it to every node.
select create_reference_table(format('%I.%I', $1::text, $2::text)::regclass)
