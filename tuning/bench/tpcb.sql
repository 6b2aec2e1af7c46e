-- SPDX-License-Identifier: PostgreSQL
\set bid random(1, @{scale})
\set tid (:bid - 1) * 10 + random(1, 10)
\set aid (:bid - 1) * 100000 + random(1, 100000)
\set delta random(-5000, 5000)
begin;
update @{schema:raw}.pgbench_accounts set abalance = abalance + :delta where aid = :aid and bid = :bid;
select abalance from @{schema:raw}.pgbench_accounts where aid = :aid and bid = :bid;
update @{schema:raw}.pgbench_tellers set tbalance = tbalance + :delta where tid = :tid and bid = :bid;
update @{schema:raw}.pgbench_branches set bbalance = bbalance + :delta where bid = :bid;
insert into @{schema:raw}.pgbench_history (tid, bid, aid, delta, mtime) values (:tid, :bid, :aid, :delta, current_timestamp);
end;
