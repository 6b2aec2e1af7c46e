-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on the first coordinator: a join that no datanode can do with its own rows. Datanodes send each other rows, which
-- works only where each knows the others.
--@ try 60
--@ expect 1000
select count(*) from public.labctl_smoke_h a join public.labctl_smoke_h b on a.id = 1001 - b.id
