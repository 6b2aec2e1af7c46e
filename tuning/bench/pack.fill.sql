-- SPDX-License-Identifier: PostgreSQL
-- The rows, for the load and the reset.
--@ after-change
insert into @{schema:raw}.ref (id, grp, name, v) select r, r / 10, 'name ' || r, 0 from generate_series(1, 1000) r
--@ after-change
insert into @{schema:raw}.item (id, cat, v, pad) select i, i % 1000 + 1, 0, '' from generate_series(1, 10000 * @{scale}) i
--@ after-change
insert into @{schema:raw}.line (item_id, n, qty) select l / 3 + 1, l % 3 + 1, l % 7 from generate_series(0, 30000 * @{scale} - 1) l
--@ after-change
insert into @{schema:raw}.visit (id, item_id, qty) select i, (i * 7) % (10000 * @{scale}) + 1, i % 5 from generate_series(1, 2000 * @{scale}) i
@{each part}
--@ after-change
insert into @{schema:raw}.pair (part, id, v, pad) select @{part}, i, 0, '' from generate_series(1, 1000 * @{scale}) i
@{end}
@{each table}
--@ after-change
vacuum analyze @{schema:raw}.@{table:raw}
@{end}
