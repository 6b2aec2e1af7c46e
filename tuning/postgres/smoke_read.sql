-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on standbys: read what the primary wrote.
--@ expect t
select pg_is_in_recovery();
--@ try 10
--@ expect 1000
select count(*) from public.labctl_smoke;
--@ expect 500500
select sum(id) from public.labctl_smoke;
--@ expect row 777
select v from public.labctl_smoke where id = 777;
