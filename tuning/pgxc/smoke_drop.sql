-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on the first coordinator: clean up.
--@ quiet
drop sequence public.labctl_smoke_s
--@ quiet
drop table public.labctl_smoke_h
--@ quiet
drop table public.labctl_smoke_r
