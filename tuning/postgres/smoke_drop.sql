-- SPDX-License-Identifier: PostgreSQL
-- The end of the smoke test, on the primary.
--@ run
--@ quiet
drop table if exists public.labctl_smoke;
