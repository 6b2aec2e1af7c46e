-- SPDX-License-Identifier: PostgreSQL
-- `labctl status`: what the databases of this server use.
select ''::text as server, 'data_bytes'::text as figure, sum(pg_database_size(oid))::bigint as value from pg_catalog.pg_database
