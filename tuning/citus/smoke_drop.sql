-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on the coordinator: clean up.
--@ run
--@ quiet
drop table if exists public.labctl_smoke;
