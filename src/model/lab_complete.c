/* SPDX-License-Identifier: PostgreSQL */
/*
 * Completes what the lab file says: defaults, names, addresses, placement. Everything
 * is derived from names, so that a crash between an action and its record loses nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "defaults.h"
#include "digest.h"
#include "family.h"
#include "lab_source.h"
#include "template.h"

#define FIRST_HOST 11 /* leaves the addresses below to machines that people add by hand */

struct name_scope { const struct node *node; int role; char buffer[16]; };

static const char *name_value(void *ctx, const char *name)
{
	struct name_scope *s = ctx;
	const struct node *n = s->node;

	if (!strcmp(name, "node"))
		return n->name;
	if (!strcmp(name, "index"))
		snprintf(s->buffer, sizeof s->buffer, "%u", s->role >= 0 ? n->role_index[s->role] : n->index);
	else if (!strcmp(name, "octet") && s->role < 0)
		snprintf(s->buffer, sizeof s->buffer, "%u", n->ip & 255);
	else if (!strcmp(name, "ip.dashed") && s->role < 0)
		snprintf(s->buffer, sizeof s->buffer, "%u-%u-%u-%u", n->ip >> 24, n->ip >> 16 & 255, n->ip >> 8 & 255,
			 n->ip & 255);
	else
		return NULL;
	return s->buffer;
}

int name_expand(const struct node *n, int role, const char *what, const char *template, struct strbuf *out,
		struct fail *e)
{
	struct name_scope s = { .node = n, .role = role };
	struct template_scope scope = { .value = name_value, .ctx = &s };

	return template_expand(what, template, QUOTE_RAW, &scope, out, e);
}

bool name_uses_address(const char *template)
{
	return strstr(template, "@{octet") || strstr(template, "@{ip.dashed");
}

void lab_role_name(const struct lab *lab, const struct node *n, int role, char ret_name[64])
{
	auto_(strbuf_clear) struct strbuf name = {0};
	struct fail e;

	ret_name[0] = '\0';
	if (!node_has_role(n, role) || name_expand(n, role, "name", lab->cluster.places[role].name, &name, &e) < 0)
		return;
	snprintf(ret_name, 64, "%s", strbuf_text(&name));
}

/* Expands @template for @n; the node's name while its address is unknown or when the template is wrong. */
static const char *derived_name(const struct lab *lab, const struct node *n, const char *template)
{
	auto_(strbuf_clear) struct strbuf name = {0};
	struct fail e;

	if ((!n->ip && name_uses_address(template)) || name_expand(n, -1, "name", template, &name, &e) < 0)
		return n->name;
	return arena_strdup(lab->arena, strbuf_text(&name));
}

/* Sets what depends on a node's address: texts, MAC, names. */
static void node_derive(struct lab *lab, struct node *n, const char *export_root)
{
	if (n->ip) {
		ip_format(n->ip, n->ip_text);
		snprintf(n->mac, sizeof n->mac, "52:54:%02x:%02x:%02x:%02x", n->ip >> 24, n->ip >> 16 & 255,
			 n->ip >> 8 & 255, n->ip & 255);
	}
	n->hostname = derived_name(lab, n, lab->net.hostname);
	n->fqdn = arena_printf(lab->arena, "%s.%s", n->hostname, lab->net.domain);
	n->export_dir = arena_printf(lab->arena, "%s/%s", export_root, derived_name(lab, n, lab->data.export_name));
}

unsigned lab_prefix_len(const struct lab *lab)
{
	unsigned prefix_len = lab->net.prefix_len ? lab->net.prefix_len : 24;
	unsigned last = (lab->net.first_host ? lab->net.first_host : FIRST_HOST) + lab->node_count - 1;

	while (!lab->net.prefix_len && prefix_len > 16 && (1u << (32 - prefix_len)) - 2 < last + lab_hosts(lab) - 1)
		prefix_len--;
	return prefix_len;
}

/* 11 where the nodes fit above it, else the first address after the gateway. */
static unsigned first_host(const struct lab *lab)
{
	unsigned hosts = lab->net.prefix_len ? (1u << (32 - lab->net.prefix_len)) - 2 : UINT32_MAX;

	return FIRST_HOST + lab->node_count - 1 <= hosts - (lab_hosts(lab) - 1) ? FIRST_HOST : 2;
}

void lab_set_subnet(struct lab *lab, uint32_t subnet, unsigned prefix_len)
{
	uint32_t mask = UINT32_MAX << (32 - prefix_len);
	const char *slash = strrchr(lab->nodes[0].export_dir, '/');
	const char *root = arena_strndup(lab->arena, lab->nodes[0].export_dir,
					 (size_t)(slash - lab->nodes[0].export_dir));

	lab->net.subnet = subnet;
	lab->net.prefix_len = prefix_len;
	lab->net.gateway = subnet + 1;
	if (!lab->net.first_host)
		lab->net.first_host = first_host(lab);
	for (unsigned i = 0; i < lab->node_count; i++) {
		struct node *n = &lab->nodes[i];

		if (!n->ip || (n->ip & mask) != subnet) /* an address that the lab file pins stays */
			n->ip = subnet + lab->net.first_host + i;
		node_derive(lab, n, root);
	}
}

const char *path_from(struct arena *a, const char *dir, const char *path)
{
	if (!path || path[0] == '/' || strstr(path, "://") || !dir)
		return path;
	return arena_printf(a, "%s/%s", dir, path + (strncmp(path, "./", 2) ? 0 : 2));
}

static void or_text(const char **field, const char *value)
{
	if (!*field)
		*field = value;
}

void lab_set_id(struct lab *lab, const char *uuid)
{
	snprintf(lab->uuid, sizeof lab->uuid, "%s", uuid);
	snprintf(lab->net.bridge, sizeof lab->net.bridge, BRIDGE_PREFIX "%.8s", uuid);
}

static void complete_defaults(struct source *s)
{
	struct lab *lab = s->lab;
	char uuid[sizeof lab->uuid];

	if (s->options->name) {
		lab->name = arena_strdup(lab->arena, s->options->name);
		if (form_lab_name(lab->name))
			problem_add(&s->problems, 0, "lab", "'%.80s' %s", lab->name, form_lab_name(lab->name));
	}
	if (s->options->hypervisor != HYPERVISOR_AUTO)
		lab->hypervisor = s->options->hypervisor;
	or_text(&lab->name, DEFAULT_LAB);
	image_complete(s);
	or_text(&lab->net.domain, "lab.internal");
	or_text(&lab->net.hostname, "@{node}");
	or_text(&lab->data.export_name, "@{node}");
	or_text(&lab->data.mount, "/data");
	or_text(&lab->data.options, "rw,no_root_squash,sync");
	or_text(&lab->data.mount_options, "vers=4.2,proto=tcp,hard");
	or_text(&lab->tuning.profile, "modern");
	or_text(&lab->tuning.timezone, "UTC"); /* not the host's: the same file gives the same lab everywhere */
	or_text(&lab->tuning.locale, "en_US.UTF-8");
	lab->cpus = lab->cpus ? lab->cpus : 1;
	lab->memory_mib = lab->memory_mib ? lab->memory_mib : 1024;
	lab->disk_gib = lab->disk_gib ? lab->disk_gib : 20;
	lab->state_dir = arena_strdup(lab->arena, s->options->state_dir ? s->options->state_dir : DEFAULT_STATE_DIR);
	digest_uuid(arena_printf(lab->arena, "labctl/lab/%s", lab->name), uuid);
	lab_set_id(lab, uuid);
}

static void complete_count(struct source *s)
{
	struct lab *lab = s->lab;
	unsigned wanted = s->options->node_count;

	if (wanted > LAB_NODES_MAX) {
		problem_add(&s->problems, 0, "nodes", "%u nodes are too many: a lab may have at most %d", wanted,
			    LAB_NODES_MAX);
		wanted = 1;
	}
	if (s->nodes_listed && wanted && wanted != lab->node_count)
		source_problem(s, "nodes", "lists %u node%s, but the command line asks for %u", lab->node_count,
			       lab->node_count == 1 ? "" : "s", wanted);
	else if (wanted)
		lab->node_count = wanted;
	if (!lab->node_count)
		lab->node_count = 1;
	if (!lab->nodes)
		lab->nodes = arena_alloc(lab->arena, lab->node_count * sizeof *lab->nodes);
}

static void complete_nodes(struct source *s)
{
	struct lab *lab = s->lab;
	const char *root = lab->data.export_root;

	complete_count(s);
	s->pinned = arena_alloc(lab->arena, lab->node_count * sizeof *s->pinned);
	if (!root)
		root = arena_printf(lab->arena, "%s/labs/%s/data", lab->state_dir,
				    lab->name);
	for (unsigned i = 0; i < lab->node_count; i++) {
		struct node *n = &lab->nodes[i];

		n->index = i + 1;
		if (!n->name)
			n->name = arena_printf(lab->arena, "node%u", n->index);
		n->cpus = n->cpus ? n->cpus : lab->cpus;
		n->memory_mib = n->memory_mib ? n->memory_mib : lab->memory_mib;
		n->disk_gib = n->disk_gib ? n->disk_gib : lab->disk_gib;
		n->domain = arena_printf(lab->arena, "%s-%s", lab->name, n->name);
		digest_uuid(arena_printf(lab->arena, "labctl/node/%s/%s", lab->name, n->name), n->uuid);
		s->pinned[i] = n->ip;
	}
	if (lab->net.subnet && !lab->net.first_host)
		lab->net.first_host = first_host(lab);
	for (unsigned i = 0; i < lab->node_count; i++) {
		struct node *n = &lab->nodes[i];

		if (lab->net.subnet && !n->ip)
			n->ip = lab->net.subnet + lab->net.first_host + i;
		node_derive(lab, n, root);
	}
}

/* Default selector of a role that the lab file does not place, by itself or in a set; NULL = unused. */
static const char *default_place(const struct lab *lab, const char *role)
{
	unsigned reached = 0;

	for (const struct placement *p = lab->cluster.recipe->placements; p->role; p++)
		if (p->node_min <= lab->node_count && p->node_min > reached)
			reached = p->node_min;
	for (const struct placement *p = lab->cluster.recipe->placements; p->role; p++)
		if (p->node_min == reached && !strcmp(p->role, role))
			return p->on;
	return NULL;
}

/* "1,3,4" -> numbers, up to @max; false if @text is no list of different ones. */
static bool parse_numbers(const char *text, unsigned *ret, unsigned max, unsigned *ret_count)
{
	unsigned count = 0;

	for (const char *at = text;; at++) {
		char *end;
		unsigned long number = strtoul(at, &end, 10);

		if (*at < '1' || *at > '9' || number > UINT16_MAX || count == max || (*end && *end != ','))
			return false;
		for (unsigned i = 0; i < count; i++)
			if (ret[i] == number)
				return false;
		ret[count++] = (unsigned)number;
		at = end;
		if (!*at)
			break;
	}
	*ret_count = count;
	return true;
}

void place_role(struct source *s, unsigned role)
{
	struct lab *lab = s->lab;
	struct role_place *p = &lab->cluster.places[role];
	bool set[LAB_NODES_MAX] = {0};
	unsigned numbers[LAB_NODES_MAX], wanted = 0, given = 0, index = 0;
	struct fail e;

	if (select_nodes(lab, p->on, set, &e) < 0) {
		problem_add(&s->problems, p->line, arena_printf(lab->arena, "cluster.%s", p->role), "%s", e.text);
		return;
	}
	for (unsigned i = 0; i < lab->node_count; i++)
		wanted += set[i];
	if (p->numbers && (!parse_numbers(p->numbers, numbers, LAB_NODES_MAX, &given) || given != wanted)) {
		problem_add(&s->problems, p->line, arena_printf(lab->arena, "cluster.%s.numbers", p->role),
			    "'%.80s' must be %u different number%s from 1, as in 1,3", p->numbers, wanted, wanted == 1 ? "" : "s");
		given = 0;
	}
	for (unsigned i = 0; i < lab->node_count; i++) {
		lab->nodes[i].roles &= ~(1u << role);
		lab->nodes[i].roles |= (uint32_t)set[i] << role;
		lab->nodes[i].role_index[role] = !set[i] ? 0 : given ? numbers[index] : index + 1;
		index += set[i];
	}
}

bool node_is_first(const struct lab *lab, const struct node *n, int role)
{
	if (!node_has_role(n, role))
		return false;
	for (unsigned i = 0; i < lab->node_count; i++)
		if (node_has_role(&lab->nodes[i], role) && lab->nodes[i].role_index[role] < n->role_index[role])
			return false;
	return true;
}

/* Rewrites the members of a group, whatever selector the file has, as node names in node order. */
static void complete_group(struct source *s, unsigned number)
{
	struct lab *lab = s->lab;
	struct group *g = &lab->cluster.groups[number];
	const char *path = arena_printf(lab->arena, "cluster.groups[%u].members", number + 1);
	const char *role_name = lab->cluster.recipe->group_role;
	int role = role_name ? lab_role(lab, role_name) : -1;
	auto_(strbuf_clear) struct strbuf names = {0};
	bool set[LAB_NODES_MAX] = {0};
	struct fail e;

	if (!g->members || role < 0)
		return;
	if (select_nodes(lab, g->members, set, &e) < 0) {
		source_problem(s, path, "%s", e.text);
		return;
	}
	for (unsigned i = 0; i < lab->node_count; i++) {
		if (set[i] && !node_has_role(&lab->nodes[i], role))
			source_problem(s, path, "%s is not a %s", lab->nodes[i].name, role_name);
		else if (set[i])
			strbuf_printf(&names, "%s%s", names.len ? "," : "", lab->nodes[i].name);
	}
	g->members = arena_strdup(lab->arena, strbuf_text(&names));
}

/* The prefix of the recipe, with the PostgreSQL of the image in place of VERSION. */
static const char *software_prefix(const struct lab *lab)
{
	const char *prefix = lab->cluster.recipe->prefix, *version = strstr(prefix, "VERSION"), *major = lab->release->postgresql;

	if (!version)
		return prefix;
	if (!major) /* the user's own disk: the lab file may name another */
		major = releases[RELEASE_DEBIAN12].postgresql;
	return arena_printf(lab->arena, "%.*s%s", (int)(version - prefix), prefix, major);
}

void cluster_complete(struct source *s)
{
	struct lab *lab = s->lab;
	struct cluster *c = &lab->cluster;

	if (!c->recipe)
		return;
	if (!c->places) /* the kind came from the command line */
		for (const struct role *r = c->recipe->roles; r->name; r++)
			arena_push(lab->arena, c->places, c->place_count)->role = r->name;
	or_text(&c->prefix, software_prefix(lab));
	or_text(&c->user, c->recipe->user);
	for (unsigned i = 0; i < c->place_count; i++) {
		struct role_place *p = &c->places[i];
		const struct role *r = &c->recipe->roles[i];

		or_text(&p->on, default_place(lab, p->role));
		if (p->on && !strcmp(p->on, "none"))
			p->on = NULL;
		p->port = p->port ? p->port : r->port;
		or_text(&p->dir, r->dir);
		if (p->dir && p->dir[0] != '/')
			p->dir = arena_printf(lab->arena, "%s/%s", lab->data.mount, p->dir);
		or_text(&p->name, r->node_name);
	}
	for (unsigned i = 0; i < c->place_count; i++)
		if (c->places[i].on)
			place_role(s, i);
	for (unsigned i = 0; i < c->group_count; i++)
		complete_group(s, i);
	promoted_complete(s);
}

void sources_complete(struct lab *lab, const char *dir)
{
	for (const struct key *k = sources_keys; k->name; k++) {
		const char **source = (const char **)((char *)lab + k->offset);

		*source = path_from(lab->arena, dir, *source);
	}
}

static void complete_source(struct source *s)
{
	struct cluster *c = &s->lab->cluster;

	c->archive = path_from(s->lab->arena, s->dir, c->archive);
	sources_complete(s->lab, s->dir);
	for (unsigned i = 0; i < c->patch_count; i++)
		if (c->patches[i][0] != '/' && s->dir)
			c->patches[i] = arena_printf(s->lab->arena, "%s/%s", s->dir, c->patches[i]);
	if (s->options->kind && s->cluster_line && s->kind && strcmp(s->kind, s->options->kind))
		source_problem(s, "cluster.kind", "the lab file says %.40s, the command line says %.40s", s->kind,
			       s->options->kind);
	if (!c->recipe && s->options->kind && !s->cluster_line) {
		c->recipe = recipe_find(s->options->kind);
		if (!c->recipe)
			problem_add(&s->problems, 0, "cluster.kind", "unknown kind '%.40s'", s->options->kind);
	}
	if (s->options->archive)
		c->archive = arena_strdup(s->lab->arena, s->options->archive);
}

void lab_complete(struct source *s)
{
	if (s->lab->net.subnet && !s->lab->net.gateway)
		s->lab->net.gateway = s->lab->net.subnet + 1;
	complete_defaults(s);
	complete_nodes(s);
	complete_source(s);
	cluster_complete(s);
	hosts_complete(s); /* after the roles, which its selectors may name */
}
