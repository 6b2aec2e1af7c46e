-- SPDX-License-Identifier: PostgreSQL
-- `labctl status`: the nodes that this coordinator knows. Definitions are not distributed, so coordinators may differ.
select node_name::text || case node_type when 'C' then ' (coordinator ' when 'D' then ' (datanode ' when 'G' then ' (gtm ' else ' (' end
	|| node_host::text || ':' || node_port::text || case when nodeis_primary then ', primary)' else ')' end as registered
from pgxc_node
order by 1
