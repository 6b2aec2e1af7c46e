-- SPDX-License-Identifier: PostgreSQL
-- `labctl db list` on one datanode.
select datname as database, datistemplate as is_template, pg_database_size(oid) as size_bytes
from pg_catalog.pg_database
where datname not in ('template0', 'template1')
order by 1
