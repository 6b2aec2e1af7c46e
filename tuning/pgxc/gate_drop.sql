-- SPDX-License-Identifier: PostgreSQL
-- The end of the gate, on the first coordinator.
--@ run
drop table public.labctl_gate_h
--@ run
drop table public.labctl_gate_r
