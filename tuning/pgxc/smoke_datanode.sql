-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, directly on every datanode: it has a part of one table and all of the other.
-- Only reads: a write here would break the cluster.
--@ try 60
--@ expect t
select count(*) > 0 from public.labctl_smoke_h
--@ try 60
--@ expect 10
select count(*) from public.labctl_smoke_r
