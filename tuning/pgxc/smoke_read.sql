-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on all other coordinators: read what the first one wrote. Reads are retried: while a restarted proxy registers,
-- single statements elsewhere fail with "GTM error, could not obtain snapshot".
--@ try 60
--@ expect t
select nextval('public.labctl_smoke_s') between 2 and 1000000
--@ try 60
--@ expect 1000
select count(*) from public.labctl_smoke_h
--@ try 60
--@ expect 500500
select sum(id) from public.labctl_smoke_h
--@ try 60
--@ expect row 777
select v from public.labctl_smoke_h where id = 777
--@ try 60
--@ expect 10
select count(*) from public.labctl_smoke_r
--@ try 60
--@ expect row 7
select v from public.labctl_smoke_r where id = 7
