-- SPDX-License-Identifier: PostgreSQL
-- Returns a row if this database belongs to the cluster: a database made without labctl has no Citus.
select true as is_known from pg_extension where extname = 'citus'
