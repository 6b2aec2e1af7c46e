-- SPDX-License-Identifier: PostgreSQL
-- The rows, for the load and the reset, by COPY: tpcb.fill.pgxc.sql says why.
--@ after-change
set search_path = @{schema:raw}
--@ after-change
copy (select i, (i * 7919::bigint) % (100000 * @{scale}) + 1, substr(md5(i::text) || md5((i + 1)::text) || md5((i + 2)::text) || md5((i + 3)::text), 1, 119), substr(md5((i + 4)::text) || md5((i + 5)::text), 1, 59) from generate_series(1, 100000 * @{scale}) i) to '/tmp/@{schema:raw}.copy'
--@ after-change
copy sbtest1 (id, k, c, pad) from '/tmp/@{schema:raw}.copy'
--@ after-change
copy (select 1 where false) to '/tmp/@{schema:raw}.copy'
--@ after-change
reset search_path
--@ after-change
vacuum analyze @{schema:raw}.sbtest1
