-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on the first coordinator: clean up.
--@ try 60
--@ quiet
--@ if select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_s' and relkind = 'S'
drop sequence public.labctl_smoke_s
--@ try 60
--@ quiet
--@ if select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_h' and relkind = 'r'
drop table public.labctl_smoke_h
--@ try 60
--@ quiet
--@ if select 1 from pg_catalog.pg_class where relname = 'labctl_smoke_r' and relkind = 'r'
drop table public.labctl_smoke_r
