-- SPDX-License-Identifier: PostgreSQL
-- The end of the smoke test, on the first coordinator.
--@ quiet
drop sequence public.labctl_smoke_s
--@ quiet
drop table public.labctl_smoke_h
--@ quiet
drop table public.labctl_smoke_r
