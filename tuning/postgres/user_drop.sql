-- SPDX-License-Identifier: PostgreSQL
-- Drops the role of a user that owns nothing any more. With Citus, on this node only.
--@ if select from pg_roles where rolname = @{db.name:sql}
set citus.enable_ddl_propagation = off; set citus.enable_create_role_propagation = off; drop role @{db.name:ident}
