-- SPDX-License-Identifier: PostgreSQL
-- The smoke test, on every datanode itself: a share of the one table, all of the other.
-- Only reads: nothing would stop a write here from breaking the cluster.
--@ try 20
--@ expect t
select count(*) > 0 from public.labctl_smoke_h
--@ try 20
--@ expect 10
select count(*) from public.labctl_smoke_r
