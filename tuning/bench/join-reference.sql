-- SPDX-License-Identifier: PostgreSQL
\set grp random(1, 99)
select r.name, count(*), sum(i.v) from @{schema:raw}.item i join @{schema:raw}.ref r on r.id = i.cat where r.grp = :grp group by r.name;
