-- SPDX-License-Identifier: PostgreSQL
-- The rows, for the load and the reset, by COPY: tpcb.fill.pgxc.sql says why. Not into the replicated table:
-- COPY from a file leaves its copies different in 1.0.
--@ after-change
set search_path = @{schema:raw}
--@ after-change
insert into ref (id, grp, name, v) select r, r / 10, 'name ' || r, 0 from generate_series(1, 1000) r
--@ after-change
copy (select i, i % 1000 + 1, 0, '' from generate_series(1, 10000 * @{scale}) i) to '/tmp/@{schema:raw}.copy'
--@ after-change
copy item (id, cat, v, pad) from '/tmp/@{schema:raw}.copy'
--@ after-change
copy (select l / 3 + 1, l % 3 + 1, l % 7 from generate_series(0, 30000 * @{scale} - 1) l) to '/tmp/@{schema:raw}.copy'
--@ after-change
copy line (item_id, n, qty) from '/tmp/@{schema:raw}.copy'
--@ after-change
copy (select i, (i * 7) % (10000 * @{scale}) + 1, i % 5 from generate_series(1, 2000 * @{scale}) i) to '/tmp/@{schema:raw}.copy'
--@ after-change
copy visit (id, item_id, qty) from '/tmp/@{schema:raw}.copy'
--@ after-change
copy (select p, i, 0, '' from generate_series(0, 7) p, generate_series(1, 1000 * @{scale}) i) to '/tmp/@{schema:raw}.copy'
--@ after-change
copy pair (part, id, v, pad) from '/tmp/@{schema:raw}.copy'
--@ after-change
copy (select 1 where false) to '/tmp/@{schema:raw}.copy'
--@ after-change
reset search_path
@{each table}
--@ after-change
vacuum analyze @{schema:raw}.@{table:raw}
@{end}
