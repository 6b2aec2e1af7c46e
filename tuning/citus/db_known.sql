-- SPDX-License-Identifier: PostgreSQL
-- Is this database one of the cluster's? One that somebody made without labctl has no Citus. A row when it is.
select true as is_known from pg_extension where extname = 'citus'
