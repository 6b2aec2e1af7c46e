-- SPDX-License-Identifier: PostgreSQL
-- Is this cluster of use? Changes nothing. Every node reaches every other one, where the version can tell.
--@ expect @{worker.count}
select count(*) from pg_dist_node where isactive and noderole = 'primary' and groupid <> 0;
--@ if select 1 from pg_proc where proname = 'citus_check_cluster_node_health'
--@ quiet
--@ expect
select string_agg(format('%s:%s does not reach %s:%s', from_nodename, from_nodeport, to_nodename, to_nodeport), ', ')
from citus_check_cluster_node_health() where result is distinct from true;
