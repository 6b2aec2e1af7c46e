-- SPDX-License-Identifier: PostgreSQL
-- `labctl db user list`: every role that can log in.
select rolname as "user", rolsuper as is_superuser, rolreplication as is_replication, rolpassword is not null as has_password
from pg_authid
where rolcanlogin
order by 1
