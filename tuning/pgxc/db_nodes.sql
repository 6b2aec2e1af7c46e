-- SPDX-License-Identifier: PostgreSQL
-- `labctl db nodes`: the nodes in the catalog of the first coordinator.
select node_name as node, case node_type when 'C' then 'coordinator' when 'D' then 'datanode' when 'G' then 'gtm' else node_type::text end as role,
	node_host as address, node_port as port, nodeis_primary as is_primary, nodeis_preferred as is_preferred
from pgxc_node
order by 2, length(node_name::text), 1
