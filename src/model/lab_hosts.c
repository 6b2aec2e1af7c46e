/* SPDX-License-Identifier: PostgreSQL */
/* `hosts` and `placement`: reads, checks and prints them, and places the nodes. First test to read: tests/unit/test_hosts.c. */
#include <stdio.h>
#include <string.h>

#include "lab_source.h"

#define NO_NODES "none"
#define UNPLACED UINT32_MAX

void hosts_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct lab *lab = s->lab;
	size_t count;

	(void)k;
	if (node->type != YAML_SEQUENCE_NODE) {
		if (!yaml_is_null(node))
			source_problem(s, path, "must be a list of {name, ssh, underlay, cpus, memory, nodes}");
		return;
	}
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count < 1 || count > LAB_HOSTS_MAX) {
		source_problem(s, path, "must list 1 to %d hosts, got %zu: the first is this one, and without `hosts` the only one", LAB_HOSTS_MAX,
			       count);
		return;
	}
	lab->host_count = (unsigned)count;
	lab->hosts = arena_alloc(lab->arena, count * sizeof *lab->hosts);
	for (unsigned i = 0; i < count; i++) {
		yaml_node_t *item = yaml_document_get_node(s->doc, node->data.sequence.items.start[i]);
		const char *below = arena_printf(lab->arena, "%s[%u]", path, i + 1);

		schema_origin(s, below, item);
		schema_read_map(s, item, host_keys, &lab->hosts[i], below);
	}
}

/* --- placing --- */

struct host_load host_load(const struct lab *lab, unsigned host)
{
	struct host_load load = { 0 };

	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].host == host) {
			load.nodes++;
			load.cpus += lab->nodes[i].cpus;
			load.memory_mib += lab->nodes[i].memory_mib;
		}
	return load;
}

static bool has_room(const struct lab *lab, unsigned host, const struct node *n)
{
	const struct host *h = &lab->hosts[host];
	struct host_load load = host_load(lab, host);

	return (!h->cpus || load.cpus + n->cpus <= h->cpus) && (!h->memory_mib || load.memory_mib + n->memory_mib <= h->memory_mib);
}

/* What spreads evenly: memory if every host says how much it has, else processors, else just nodes. */
static uint64_t weight(const struct lab *lab, unsigned host)
{
	bool memory = true, cpus = true;

	for (unsigned i = 0; i < lab->host_count; i++) {
		memory = memory && lab->hosts[i].memory_mib;
		cpus = cpus && lab->hosts[i].cpus;
	}
	return memory ? lab->hosts[host].memory_mib : cpus ? lab->hosts[host].cpus : 1;
}

/* The host for the next node, among those without a selector that were not given up; UNPLACED if there is none. Without room, the first: hosts_check() says so. */
static unsigned choose(const struct lab *lab, const struct node *n, const bool *selects)
{
	unsigned best = UNPLACED, first = UNPLACED, best_nodes = 0;

	for (unsigned i = 0; i < lab->host_count; i++) {
		unsigned nodes = host_load(lab, i).nodes;

		if (selects[i] || lab->hosts[i].given_up)
			continue;
		first = first == UNPLACED ? i : first;
		if (!has_room(lab, i, n))
			continue;
		if (best == UNPLACED ||
		    (lab->packing == PACKING_SPREAD && (nodes + 1) * weight(lab, best) < (best_nodes + 1) * weight(lab, i))) {
			best = i;
			best_nodes = nodes;
		}
	}
	return best == UNPLACED ? first : best;
}

static void place_selected(struct source *s, unsigned host)
{
	struct lab *lab = s->lab;
	const char *path = arena_printf(lab->arena, "hosts[%u].nodes", host + 1), *on = lab->hosts[host].nodes;
	bool set[LAB_NODES_MAX] = { 0 };
	struct fail e;

	if (!strcmp(on, NO_NODES))
		return;
	if (select_nodes(lab, on, set, &e) < 0) {
		source_problem(s, path, "%s", e.text);
		return;
	}
	for (unsigned i = 0; i < lab->node_count; i++) {
		if (set[i] && lab->nodes[i].host != UNPLACED)
			source_problem(s, path, "%s is on host %u already", lab->nodes[i].name, lab->nodes[i].host + 1);
		else if (set[i])
			lab->nodes[i].host = host;
	}
}

const struct host *host_find(const struct lab *lab, const char *name)
{
	for (unsigned i = 0; name && i < lab->host_count; i++)
		if (lab->hosts[i].name && !strcmp(lab->hosts[i].name, name))
			return &lab->hosts[i];
	return NULL;
}

unsigned host_number(const struct lab *lab, unsigned host)
{
	return lab->hosts[host].number ? lab->hosts[host].number : host;
}

/* Hosts that the lab has keep their numbers, whatever was in front of them, and stay given up; new ones get other numbers. */
static void keep_hosts(struct lab *lab, const struct lab *has)
{
	unsigned next = 0;

	for (unsigned i = 0; has && i < has->host_count; i++)
		next = host_number(has, i) > next ? host_number(has, i) : next;
	for (unsigned i = 0; i < lab->host_count; i++)
		next = lab->hosts[i].number > next ? lab->hosts[i].number : next;
	for (unsigned i = 1; has && i < lab->host_count; i++) {
		const struct host *same = host_find(has, lab->hosts[i].name);
		unsigned number = lab->hosts[i].number;

		number = number ? number : same ? host_number(has, (unsigned)(same - has->hosts)) : ++next;
		lab->hosts[i].number = number == i ? 0 : number;
		lab->hosts[i].given_up = same && same->given_up;
	}
}

/* Nodes that the lab has stay where they are, unless the file says where they are to be: that is a change, and refused. */
static void keep_places(struct lab *lab, const struct lab *has, const bool *selects)
{
	for (unsigned i = 0; has && has->host_count && i < lab->node_count; i++) {
		const struct node *same = lab->nodes[i].host == UNPLACED ? lab_find_node(has, lab->nodes[i].name) : NULL;
		const struct host *h = same ? host_find(lab, has->hosts[same->host].name) : NULL;

		if (h && !selects[h - lab->hosts])
			lab->nodes[i].host = (unsigned)(h - lab->hosts);
	}
}

void hosts_complete(struct source *s)
{
	struct lab *lab = s->lab;
	bool selects[LAB_HOSTS_MAX] = { 0 };

	if (!lab->host_count)
		return;
	for (unsigned i = 0; i < lab->node_count; i++)
		lab->nodes[i].host = UNPLACED;
	for (unsigned i = 0; i < lab->host_count; i++) {
		selects[i] = lab->hosts[i].nodes != NULL;
		if (selects[i])
			place_selected(s, i);
	}
	keep_hosts(lab, s->options->has);
	keep_places(lab, s->options->has, selects);
	for (unsigned i = 0; i < lab->node_count; i++) {
		struct node *n = &lab->nodes[i];

		if (n->host == UNPLACED && (n->host = choose(lab, n, selects)) == UNPLACED) {
			source_problem(s, "hosts", "%s is on no host: no `nodes` has it, and every host has `nodes`", n->name);
			n->host = 0;
		}
	}
	hosts_name_nodes(lab);
}

void hosts_place(struct lab *lab, struct node *n)
{
	const bool selects[LAB_HOSTS_MAX] = { 0 };

	n->host = 0;
	if (lab->host_count)
		n->host = choose(lab, n, selects);
}

void hosts_name_nodes(struct lab *lab)
{
	for (unsigned i = 0; i < lab->host_count; i++)
		lab->hosts[i].nodes = host_nodes(lab, i, lab->arena);
}

bool host_holds(const struct lab *lab, unsigned host)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].host == host)
			return true;
	return false;
}

bool host_is_used(const struct lab *lab, unsigned host)
{
	return host == 0 || (host_holds(lab, host) && !lab->hosts[host].given_up);
}

int lab_check_given_up(const struct lab *lab, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	for (unsigned i = 1; i < lab->host_count; i++) {
		const char *nodes = host_nodes(lab, i, a);

		if (!lab->hosts[i].given_up || !host_holds(lab, i))
			continue;
		fail(e, FAIL_CONFLICT, "host %s was given up, and lab '%s' still has its nodes: %s", lab->hosts[i].name, lab->name, nodes);
		return fail_next(e, "labctl -l %s node remove %.*s%s; if the host is back: labctl -l %s host give-up --undo %s", lab->name,
				 (int)strcspn(nodes, ","), nodes, strchr(nodes, ',') ? ", and the others" : "", lab->name, lab->hosts[i].name);
	}
	return 0;
}

bool lab_spans_hosts(const struct lab *lab)
{
	for (unsigned h = 1; h < lab->host_count; h++)
		if (host_is_used(lab, h))
			return true;
	return false;
}

const char *host_nodes(const struct lab *lab, unsigned host, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf names = { 0 };

	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].host == host)
			strbuf_printf(&names, "%s%s", names.len ? "," : "", lab->nodes[i].name);
	return arena_strdup(a, names.len ? names.text : NO_NODES);
}

/* --- addresses --- */

uint32_t host_address(const struct lab *lab, unsigned host)
{
	if (!lab->net.subnet) /* not chosen yet */
		return 0;
	return host ? (lab->net.subnet | ~(UINT32_MAX << (32 - lab->net.prefix_len))) - host_number(lab, host) : lab->net.gateway;
}

bool host_has_address(const struct lab *lab, uint32_t ip)
{
	for (unsigned i = 0; i < lab_hosts(lab); i++)
		if (ip == host_address(lab, i))
			return true;
	return false;
}

/* --- rules --- */

static void check_room(struct source *s, unsigned host)
{
	const struct host *h = &s->lab->hosts[host];
	struct host_load load = host_load(s->lab, host);
	char needs[32], has[32];

	if (h->cpus && load.cpus > h->cpus)
		source_problem(s, arena_printf(s->lab->arena, "hosts[%u].cpus", host + 1), "its nodes (%s) need %u, it has %u", h->nodes, load.cpus,
			       h->cpus);
	size_text(load.memory_mib, needs);
	size_text(h->memory_mib, has);
	if (h->memory_mib && load.memory_mib > h->memory_mib)
		source_problem(s, arena_printf(s->lab->arena, "hosts[%u].memory", host + 1), "its nodes (%s) need %s, it has %s", h->nodes, needs,
			       has);
}

static void check_host(struct source *s, unsigned host)
{
	const struct lab *lab = s->lab;
	const struct host *h = &lab->hosts[host];
	const char *path = arena_printf(lab->arena, "hosts[%u]", host + 1);

	if (!h->name)
		source_problem(s, path, "needs a name");
	if (!h->underlay)
		source_problem(s, path, "needs underlay: its address for the traffic between the hosts");
	if (host == 0 && h->ssh)
		source_problem(s, arena_printf(lab->arena, "%s.ssh", path), "the first host is the machine that labctl runs on: it has no ssh");
	if (host > 0 && !h->ssh)
		source_problem(s, path, "needs ssh: what ssh connects to; only the first host, the machine that labctl runs on, has none");
	for (unsigned i = 0; i < host; i++) {
		if (h->name && lab->hosts[i].name && !strcmp(h->name, lab->hosts[i].name))
			source_problem(s, path, "two hosts are named %s", h->name);
		if (h->underlay && h->underlay == lab->hosts[i].underlay)
			source_problem(s, path, "two hosts have the same underlay address");
		if (host_number(lab, host) == host_number(lab, i))
			source_problem(s, path, "two hosts have the number %u", host_number(lab, i));
	}
	if (lab->net.subnet && h->underlay && (h->underlay & UINT32_MAX << (32 - lab->net.prefix_len)) == lab->net.subnet)
		source_problem(s, arena_printf(lab->arena, "%s.underlay", path), "is an address of the lab's own subnet");
	check_room(s, host);
}

void hosts_check(struct source *s)
{
	const struct lab *lab = s->lab;

	if (!lab->host_count)
		return;
	for (unsigned i = 0; i < lab->host_count; i++)
		check_host(s, i);
}

/* --- printing --- */

void hosts_print(const struct lab *lab, struct strbuf *out)
{
	if (lab->host_count)
		strbuf_str(out, "hosts:\n");
	for (unsigned i = 0; i < lab->host_count; i++) {
		const char *before = "  - {";

		for (const struct key *k = host_keys; k->name; k++) {
			size_t at = out->len;

			if (k->kind == KEY_MIB && !lab->hosts[i].memory_mib)
				continue;
			strbuf_printf(out, "%s%s: ", before, k->name);
			if (value_print(&lab->hosts[i], k, out))
				before = ", ";
			else
				strbuf_truncate(out, at);
		}
		strbuf_str(out, "}\n");
	}
}

void placement_print(const struct lab *lab, struct strbuf *out)
{
	if (lab->host_count)
		strbuf_printf(out, "placement: %s\n", lab->packing == PACKING_PACK ? "pack" : "spread");
}
