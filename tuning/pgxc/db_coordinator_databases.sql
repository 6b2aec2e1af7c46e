-- SPDX-License-Identifier: PostgreSQL
-- `labctl db list` on one coordinator. No sizes: a coordinator has no rows, and its pg_database_size() adds up the datanodes.
select datname as database, datistemplate as is_template, 0 as size_bytes
from pg_catalog.pg_database
where datname not in ('template0', 'template1')
order by 1
