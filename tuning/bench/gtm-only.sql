-- SPDX-License-Identifier: PostgreSQL
select 1;
