/* SPDX-License-Identifier: PostgreSQL */
/* A lab's topology as JSON. */
#include "graph.h"

#include <string.h>

#include "recipe.h"

static json_t *node_json(const struct lab *lab, const struct node *n)
{
	json_t *o = json_object(), *roles = json_array();

	json_object_set_new(o, "name", json_string(n->name));
	if (lab->net.subnet)
		json_object_set_new(o, "address", json_string(n->ip_text));
	json_object_set_new(o, "cpus", json_integer(n->cpus));
	json_object_set_new(o, "memory_mib", json_integer((json_int_t)n->memory_mib));
	for (unsigned k = 0; k < lab->cluster.place_count; k++)
		if (node_has_role(n, (int)k))
			json_array_append_new(roles, json_pack("{s:s, s:i}", "role", lab->cluster.recipe->roles[k].name, "port",
							       (int)lab->cluster.places[k].port));
	json_object_set_new(o, "roles", roles);
	return o;
}

static unsigned nodes_with(const struct lab *lab, const char *role)
{
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		count += node_has_role(&lab->nodes[i], lab_role(lab, role));
	return count;
}

/* Only what connects in this lab: both roles are there, and no server connects only to itself. */
static json_t *edges_json(const struct lab *lab)
{
	json_t *edges = json_array();

	for (const struct role_link *l = lab->cluster.recipe ? lab->cluster.recipe->links : NULL; l && l->from; l++) {
		unsigned from = nodes_with(lab, l->from), to = nodes_with(lab, l->to);

		if (from && to && (strcmp(l->from, l->to) != 0 || from > 1))
			json_array_append_new(edges, json_pack("{s:s, s:s, s:s, s:b}", "from", l->from, "to", l->to, "what",
							       l->what, "same_node", (int)(l->reach == LINK_SAME_NODE)));
	}
	return edges;
}

json_t *graph_json(const struct lab *lab)
{
	json_t *o = json_object(), *nodes = json_array(), *network = json_object();
	char address[16];

	json_object_set_new(o, "lab", json_string(lab->name));
	if (lab->cluster.recipe)
		json_object_set_new(o, "kind", json_string(lab->cluster.recipe->kind));
	if (lab->hypervisor != HYPERVISOR_AUTO)
		json_object_set_new(o, "hypervisor", json_string(hypervisor_names[lab->hypervisor]));
	if (lab->net.subnet) {
		ip_format(lab->net.subnet, address);
		json_object_set_new(network, "subnet", json_sprintf("%s/%u", address, lab->net.prefix_len));
		ip_format(lab->net.gateway, address);
		json_object_set_new(network, "gateway", json_string(address));
	}
	json_object_set_new(o, "network", network);
	for (unsigned i = 0; i < lab->node_count; i++)
		json_array_append_new(nodes, node_json(lab, &lab->nodes[i]));
	json_object_set_new(o, "nodes", nodes);
	json_object_set_new(o, "edges", edges_json(lab));
	return o;
}
