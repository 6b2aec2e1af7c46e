-- SPDX-License-Identifier: PostgreSQL
-- The gate, on the primary: rows are written and are replayed by every standby. A gate leaves nothing: it is no change.
--@ run
--@ quiet
drop table if exists public.labctl_gate;
create table public.labctl_gate (id int primary key, v text not null, written pg_lsn);
insert into public.labctl_gate (id, v) select i, 'row ' || i from generate_series(1, 1000) i;
--@ run
--@ quiet
update public.labctl_gate set written = pg_current_wal_lsn() where id = 1;
--@ expect 1000
select count(*) from public.labctl_gate;
--@ try 60
--@ expect t
select count(*) >= @{standby.count:sql}::int from pg_stat_replication
where state = 'streaming' and replay_lsn >= (select written from public.labctl_gate where id = 1);
