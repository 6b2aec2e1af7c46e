-- SPDX-License-Identifier: PostgreSQL
-- The gate, on every other coordinator: what the first one wrote is here.
--@ try 10
--@ expect 1000
select count(*) from public.labctl_gate_h
--@ expect 500500
select sum(id) from public.labctl_gate_h
--@ expect row 777
select v from public.labctl_gate_h where id = 777
--@ expect 10
select count(*) from public.labctl_gate_r
--@ expect row 7
select v from public.labctl_gate_r where id = 7
