-- SPDX-License-Identifier: PostgreSQL
\set aid random(1, 100000 * @{scale})
\set bid random(1, @{scale})
\set tid random(1, 10 * @{scale})
\set delta random(-5000, 5000)
begin;
update @{schema:raw}.pgbench_accounts set abalance = abalance + :delta where aid = :aid;
select abalance from @{schema:raw}.pgbench_accounts where aid = :aid;
update @{schema:raw}.pgbench_tellers set tbalance = tbalance + :delta where tid = :tid;
update @{schema:raw}.pgbench_branches set bbalance = bbalance + :delta where bid = :bid;
insert into @{schema:raw}.pgbench_history (tid, bid, aid, delta, mtime) values (:tid, :bid, :aid, :delta, current_timestamp);
end;
