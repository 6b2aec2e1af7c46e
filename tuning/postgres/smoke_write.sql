-- SPDX-License-Identifier: PostgreSQL
-- Smoke test, on the primary: write rows and wait until every standby has replayed them. The test cleans up, so it reports
-- no change.
--@ run
--@ quiet
drop table if exists public.labctl_smoke;
create table public.labctl_smoke (id int primary key, v text not null, written pg_lsn);
insert into public.labctl_smoke (id, v) select i, 'row ' || i from generate_series(1, 1000) i;
--@ run
--@ quiet
update public.labctl_smoke set written = pg_current_wal_lsn() where id = 1;
--@ expect 1000
select count(*) from public.labctl_smoke;
--@ try 60
--@ expect t
select count(*) >= @{standby.count:sql}::int from pg_stat_replication
where state = 'streaming' and replay_lsn >= (select written from public.labctl_smoke where id = 1);
