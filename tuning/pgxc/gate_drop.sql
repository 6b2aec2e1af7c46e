-- SPDX-License-Identifier: PostgreSQL
-- The end of the gate, on the first coordinator.
--@ quiet
drop sequence public.labctl_gate_s
--@ quiet
drop table public.labctl_gate_h
--@ quiet
drop table public.labctl_gate_r
