-- SPDX-License-Identifier: PostgreSQL
-- The role of a user who owns nothing any more. Where Citus runs each node sees to its own.
--@ if select from pg_roles where rolname = @{db.name:sql}
set citus.enable_ddl_propagation = off; set citus.enable_create_role_propagation = off; drop role @{db.name:ident}
