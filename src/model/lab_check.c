/* SPDX-License-Identifier: PostgreSQL */
/* Rules that concern more than one value. Every problem is reported; nothing here changes the lab. */
#include <stdio.h>
#include <string.h>

#include "lab_source.h"
#include "platform.h"

struct named { const char *text; unsigned index; };

static int named_cmp(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (int)x->index - (int)y->index;
}

/* Report every duplicate in @list. @what: "address"; @path: NULL = nodes[i].WHAT. */
static void check_unique(struct source *s, struct named *list, unsigned count, const char *what, const char *path)
{
	const struct node *nodes = s->lab->nodes;

	qsort(list, count, sizeof *list, named_cmp);
	for (unsigned i = 1; i < count; i++) {
		unsigned a = list[i - 1].index, b = list[i].index;

		if (strcmp(list[i - 1].text, list[i].text))
			continue;
		if (path && !strcmp(nodes[a].name, nodes[b].name))
			continue; /* the node names are duplicates: reported there */
		source_problem(s, path ? path : arena_printf(s->lab->arena, "nodes[%u].%s", b + 1, what),
			       "duplicate %s %s: node %u (%s) and node %u (%s)", what, list[i].text, a + 1,
			       nodes[a].name, b + 1, nodes[b].name);
		if (path)
			return; /* the template gives nodes the same name: one example is enough */
	}
}

static void check_addresses(struct source *s)
{
	const struct lab *lab = s->lab;
	unsigned hosts = lab->net.prefix_len ? (1u << (32 - lab->net.prefix_len)) - 2 : 0;
	struct named *list = arena_alloc(lab->arena, lab->node_count * sizeof *list);
	char text[16];

	ip_format(lab->net.gateway, text);
	if (lab->net.subnet && lab->net.gateway != lab->net.subnet + 1)
		source_problem(s, "network.gateway", "must be the first address of the subnet (the host's address), got %s",
			       text);
	if (!lab->net.subnet && lab->net.gateway)
		source_problem(s, "network.gateway", "needs network.subnet");
	ip_format(lab->net.subnet, text);
	if (hosts && lab->node_count + lab_hosts(lab) > hosts) {
		source_problem(s, "nodes", "%u nodes do not fit into the subnet %s/%u: it holds %u besides the %s",
			       lab->node_count, text, lab->net.prefix_len, hosts > lab_hosts(lab) ? hosts - lab_hosts(lab) : 0,
			       lab->host_count ? "hosts" : "gateway");
		return;
	}
	for (unsigned i = 0, told = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		const char *path = s->pinned[i] ? arena_printf(lab->arena, "nodes[%u].address", i + 1) : "network.first_host";
		const char *bad = NULL;
		uint32_t host = n->ip - lab->net.subnet;

		list[i] = (struct named){ n->ip_text, i };
		if (s->pinned[i] && !lab->net.subnet)
			source_problem(s, path, "needs network.subnet");
		if (!lab->net.subnet || (!s->pinned[i] && told))
			continue;
		if (n->ip < lab->net.subnet || host > hosts + 1)
			bad = "is outside";
		else if (host == 0 || host == hosts + 1)
			bad = host ? "is the broadcast address of" : "is the network address of";
		else if (host == 1)
			bad = "is the gateway (the host's address) of";
		else if (host_has_address(lab, n->ip))
			bad = "is the address of another host in";
		if (bad)
			source_problem(s, path, "%s of node %u (%s) %s %s/%u", n->ip_text, i + 1, n->name, bad, text,
				       lab->net.prefix_len);
		told += bad && !s->pinned[i];
	}
	if (lab->net.subnet)
		check_unique(s, list, lab->node_count, "address", NULL);
}

/* A name template must expand to valid, distinct names. @form checks one name. */
static void check_template(struct source *s, const char *path, const char *template, const char *(*form)(const char *),
			   const char *what)
{
	const struct lab *lab = s->lab;
	struct named *list = arena_alloc(lab->arena, lab->node_count * sizeof *list);
	bool address = !lab->net.subnet && name_uses_address(template);

	for (unsigned i = 0; i < lab->node_count; i++) {
		struct node sample = lab->nodes[i];
		auto_(strbuf_clear) struct strbuf name = {0};
		struct fail e;

		if (address) /* not leased yet: check with the longest address */
			sample.ip = UINT32_MAX;
		if (name_expand(&sample, -1, "template", template, &name, &e) < 0) {
			source_problem(s, path, "%s; available here: @{node} @{index} @{ip.dashed} @{octet}", e.text);
			return;
		}
		if (form(strbuf_text(&name))) {
			source_problem(s, path, "expands to '%.80s' for node %u: %s", strbuf_text(&name), i + 1,
				       form(strbuf_text(&name)));
			return;
		}
		list[i] = (struct named){ arena_strdup(lab->arena, strbuf_text(&name)), i };
	}
	if (!address)
		check_unique(s, list, lab->node_count, what, path);
	else if (lab->node_count > 200 && !strstr(template, "@{ip.dashed") && !strstr(template, "@{node}") &&
		 !strstr(template, "@{index}"))
		source_problem(s, path, "@{octet} does not tell %u nodes apart", lab->node_count);
}

static const char *form_export(const char *t)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (!*t || t[strspn(t, chars)] || t[0] == '.' || t[0] == '-' || strlen(t) > 200)
		return "must be one name below export_root: letters, digits and . _ - only";
	return NULL;
}

static void check_nodes(struct source *s)
{
	const struct lab *lab = s->lab;
	struct named *list = arena_alloc(lab->arena, lab->node_count * sizeof *list);

	for (unsigned i = 0; i < lab->node_count; i++)
		list[i] = (struct named){ lab->nodes[i].name, i };
	check_unique(s, list, lab->node_count, "name", NULL);
	check_addresses(s);
	check_template(s, "network.hostname", lab->net.hostname, form_label, "host name");
	check_template(s, "data.export_name", lab->data.export_name, form_export, "directory");
	if (lab->data.transport == TRANSPORT_FILESYSTEM &&
	    (lab->hypervisor == HYPERVISOR_KVM || lab->hypervisor == HYPERVISOR_QEMU))
		source_problem(s, "data.transport", "filesystem is supported for lxc only; %s needs nfs",
			       hypervisor_names[lab->hypervisor]);
}

static const char *role_path(struct source *s, const struct role_place *p, const char *key)
{
	return arena_printf(s->lab->arena, "cluster.%s%s", p->role, key);
}

static void check_count(struct source *s, unsigned role)
{
	const struct lab *lab = s->lab;
	const struct role *r = &lab->cluster.recipe->roles[role];
	const struct role_place *p = &lab->cluster.places[role];
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		count += node_has_role(&lab->nodes[i], (int)role);
	if (p->on && !count)
		return; /* the selector is wrong, reported already */
	if (count < r->min)
		problem_add(&s->problems, source_line(s, role_path(s, p, "")), role_path(s, p, ""),
			    "no node has the role %s, and a cluster of kind %s needs %s%u", p->role, lab->cluster.recipe->kind,
			    r->max > r->min ? "at least " : "", r->min);
	if (count > r->max)
		problem_add(&s->problems, p->line, role_path(s, p, ""), "%u nodes have the role %s; at most %u may have it", count,
			    p->role, r->max);
}

/* Is @b the same directory as @a, or below it? */
static bool dir_within(const char *a, const char *b)
{
	size_t len = strlen(a);

	return !strncmp(a, b, len) && (!b[len] || b[len] == '/');
}

static void check_pair(struct source *s, const struct node *n, unsigned a, unsigned b)
{
	const struct role_place *p = &s->lab->cluster.places[a], *q = &s->lab->cluster.places[b];

	if (p->port && p->port == q->port)
		problem_add(&s->problems, q->line ? q->line : p->line, role_path(s, q, ".port"),
			    "port %u is also used by %s on the same node (%s)", q->port, p->role, n->name);
	if (p->dir && q->dir && (dir_within(p->dir, q->dir) || dir_within(q->dir, p->dir)))
		problem_add(&s->problems, q->line ? q->line : p->line, role_path(s, q, ".dir"),
			    "%s overlaps %s of %s on the same node (%s)", q->dir, p->dir, p->role, n->name);
}

/* Two roles on one node; one example per pair is enough. */
static void check_pairs(struct source *s)
{
	const struct lab *lab = s->lab;
	unsigned count = lab->cluster.place_count;

	for (unsigned a = 0; a < count; a++) {
		for (unsigned b = a + 1; b < count; b++) {
			uint32_t both = 1u << a | 1u << b;

			for (unsigned i = 0; i < lab->node_count; i++) {
				if ((lab->nodes[i].roles & both) != both)
					continue;
				check_pair(s, &lab->nodes[i], a, b);
				break;
			}
		}
	}
}

static void check_beside(struct source *s, unsigned role)
{
	const struct lab *lab = s->lab;
	const struct role *r = &lab->cluster.recipe->roles[role];
	const struct role_place *p = &lab->cluster.places[role];

	for (unsigned i = 0; r->beside && i < lab->node_count; i++) {
		if (!node_has_role(&lab->nodes[i], (int)role) ||
		    node_has_role(&lab->nodes[i], lab_role(lab, r->beside)))
			continue;
		problem_add(&s->problems, p->line, role_path(s, p, ""), "%s on %s needs a %s on the same node",
			    p->role, lab->nodes[i].name, r->beside);
		return;
	}
}

static void check_role_names(struct source *s)
{
	const struct lab *lab = s->lab;
	const struct cluster *c = &lab->cluster;
	struct named *list = NULL;
	unsigned count = 0;

	for (unsigned r = 0; r < c->place_count; r++) {
		const char *path = role_path(s, &c->places[r], ".name");

		for (unsigned i = 0; i < lab->node_count; i++) {
			auto_(strbuf_clear) struct strbuf name = {0};
			const char *bad = NULL;
			struct fail e;

			if (!node_has_role(&lab->nodes[i], (int)r))
				continue;
			if (name_expand(&lab->nodes[i], (int)r, "template", c->places[r].name, &name, &e) < 0)
				source_problem(s, path, "%s; available here: @{node} @{index}", e.text);
			else if ((bad = form_cluster_name(strbuf_text(&name))))
				source_problem(s, path, "expands to '%.100s': %s", strbuf_text(&name), bad);
			else
				*arena_push(lab->arena, list, count) =
					(struct named){ arena_strdup(lab->arena, strbuf_text(&name)), i };
			if (bad || !name.len)
				break; /* the other nodes have the same problem */
		}
	}
	if (count)
		qsort(list, count, sizeof *list, named_cmp);
	for (unsigned i = 1; i < count; i++) {
		if (strcmp(list[i - 1].text, list[i].text))
			continue;
		source_problem(s, "cluster", "two members of the cluster have the name %s: on %s and on %s", list[i].text,
			       lab->nodes[list[i - 1].index].name, lab->nodes[list[i].index].name);
		return;
	}
}

static void check_groups(struct source *s)
{
	const struct cluster *c = &s->lab->cluster;

	if (c->group_count && !c->recipe->group_role)
		source_problem(s, "cluster.groups", "a cluster of kind %s has no node groups", c->recipe->kind);
	for (unsigned i = 0; i < c->group_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (c->groups[i].name && c->groups[j].name && !strcmp(c->groups[i].name, c->groups[j].name))
				source_problem(s, arena_printf(s->lab->arena, "cluster.groups[%u].name", i + 1),
					       "duplicate group %s", c->groups[i].name);
}

static void check_platform(struct source *s)
{
	const struct lab *lab = s->lab;
	auto_(strbuf_clear) struct strbuf why = { 0 };

	if (!platform_accepts(lab->cluster.recipe->kind, lab->cluster.archive, lab->release, &why))
		source_problem(s, "image", "%s", strbuf_text(&why));
}

void cluster_check(struct source *s)
{
	const struct lab *lab = s->lab;
	const struct cluster *c = &lab->cluster;

	if (!c->recipe)
		return;
	if ((c->archive || c->sha256 || c->configure || c->patch_count) && !c->recipe->build)
		source_problem(s, "cluster.source", "a cluster of kind %s is not built from source: it uses the packages of the image",
			       c->recipe->kind);
	for (unsigned i = 0; i < c->place_count; i++) {
		const struct role_place *p = &c->places[i];

		check_count(s, i);
		check_beside(s, i);
		if (p->dir && form_dir(p->dir))
			problem_add(&s->problems, p->line, role_path(s, p, ".dir"), "'%.80s' %s", p->dir, form_dir(p->dir));
		else if (p->dir && dir_within(p->dir, lab->data.mount))
			problem_add(&s->problems, p->line, role_path(s, p, ".dir"),
				    "%s is or contains the mount point: use a separate directory", p->dir);
	}
	check_platform(s);
	check_pairs(s);
	check_role_names(s);
	check_groups(s);
	users_check(s);
}

void lab_check(struct source *s)
{
	check_nodes(s);
	hosts_check(s);
	image_check(s);
	cluster_check(s);
}
