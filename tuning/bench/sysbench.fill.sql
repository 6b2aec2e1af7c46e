-- SPDX-License-Identifier: PostgreSQL
-- The rows, for the load and the reset: texts as long as sysbench's.
--@ after-change
insert into @{schema:raw}.sbtest1 (id, k, c, pad) select i, (i * 7919::bigint) % (100000 * @{scale}) + 1, substr(md5(i::text) || md5((i + 1)::text) || md5((i + 2)::text) || md5((i + 3)::text), 1, 119), substr(md5((i + 4)::text) || md5((i + 5)::text), 1, 59) from generate_series(1, 100000 * @{scale}) i
--@ after-change
vacuum analyze @{schema:raw}.sbtest1
