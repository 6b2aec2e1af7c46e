-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on the first coordinator: clean up.
--@ try 60
--@ quiet
drop sequence public.labctl_smoke_s
--@ try 60
--@ quiet
drop table public.labctl_smoke_h
--@ try 60
--@ quiet
drop table public.labctl_smoke_r
