-- SPDX-License-Identifier: PostgreSQL
-- The end of the gate, on the primary.
--@ run
--@ quiet
drop table if exists public.labctl_gate;
