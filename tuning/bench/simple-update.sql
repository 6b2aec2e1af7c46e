-- SPDX-License-Identifier: PostgreSQL
-- Like pgbench's. Without a teller in history, the check knows that tellers and branches did not change.
\set aid random(1, 100000 * @{scale})
\set bid random(1, @{scale})
\set delta random(-5000, 5000)
begin;
update @{schema:raw}.pgbench_accounts set abalance = abalance + :delta where aid = :aid;
select abalance from @{schema:raw}.pgbench_accounts where aid = :aid;
insert into @{schema:raw}.pgbench_history (tid, bid, aid, delta, mtime) values (null, :bid, :aid, :delta, current_timestamp);
end;
