-- SPDX-License-Identifier: PostgreSQL
-- `labctl db list`, of one coordinator. It has no rows, and its pg_database_size() would add up the datanodes again.
select datname as database, datistemplate as is_template, 0 as size_bytes
from pg_database
where datname not in ('template0', 'template1')
order by 1
