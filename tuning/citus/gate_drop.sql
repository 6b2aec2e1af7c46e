-- SPDX-License-Identifier: PostgreSQL
-- The end of the gate, on the coordinator.
--@ run
--@ quiet
drop table if exists public.labctl_gate;
