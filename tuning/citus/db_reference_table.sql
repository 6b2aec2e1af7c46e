-- SPDX-License-Identifier: PostgreSQL
-- One table: $1 is its schema, $2 its name. It is copied to every node, whole.
select create_reference_table(format('%I.%I', $1::text, $2::text)::regclass)
