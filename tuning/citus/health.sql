-- SPDX-License-Identifier: PostgreSQL
-- Health check; changes nothing. All workers must be active and, where this version can check it, reach each other.
--@ expect @{worker.count}
select count(*) from pg_dist_node where isactive and noderole = 'primary' and groupid <> 0;
--@ if select 1 from pg_proc where proname = 'citus_check_cluster_node_health'
--@ quiet
--@ expect
select string_agg(format('%s:%s does not reach %s:%s', from_nodename, from_nodeport, to_nodename, to_nodeport), ', ')
from citus_check_cluster_node_health() where result is distinct from true;
