-- SPDX-License-Identifier: PostgreSQL
-- Drops the slot of a standby that left. Its machine is off, but the server may still wait for its answer.
--@ if select 1 from pg_replication_slots where active and slot_name = lower(regexp_replace(@{gone.standby.nodename:sql}, '[^A-Za-z0-9_]', '_', 'g'))
--@ quiet
select pg_terminate_backend(active_pid) from pg_replication_slots where active and slot_name = lower(regexp_replace(@{gone.standby.nodename:sql}, '[^A-Za-z0-9_]', '_', 'g'))
--@ try 30
--@ if select 1 from pg_replication_slots where slot_name = lower(regexp_replace(@{gone.standby.nodename:sql}, '[^A-Za-z0-9_]', '_', 'g'))
select pg_drop_replication_slot(lower(regexp_replace(@{gone.standby.nodename:sql}, '[^A-Za-z0-9_]', '_', 'g')))
