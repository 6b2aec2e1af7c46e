/* SPDX-License-Identifier: PostgreSQL */
/*
 * Labs with more or fewer nodes. What is on a disk or in a catalog must not change: names, addresses, roles and numbers of the
 * nodes that stay. So the seats that a role has are listed, changed, and written back as names and numbers, which lab_print()
 * prints and lab_parse() checks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_source.h"

/* Who has a role: [i] is the number of node i+1, 0 = it does not have the role. */
typedef unsigned seats[LAB_NODES_MAX];

const struct node *lab_find_node(const struct lab *lab, const char *name)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (!strcmp(lab->nodes[i].name, name))
			return &lab->nodes[i];
	return NULL;
}

/* As the places say, without a promotion; @now: as it is. */
static void read_seats(const struct lab *lab, unsigned role, bool now, unsigned *ret)
{
	const struct takeover *t = lab->cluster.recipe->takeover;
	const struct node *promoted = lab->cluster.promoted && !now ? lab_find_node(lab, lab->cluster.promoted) : NULL;
	bool set[LAB_NODES_MAX] = { 0 };
	struct fail ignored = { 0 };
	int main_role = t ? lab_role(lab, t->role) : -1, from = t ? lab_role(lab, t->from) : -1;
	const struct node *first = NULL;

	for (unsigned i = 0; i < lab->node_count; i++)
		ret[i] = lab->nodes[i].role_index[role];
	if (!promoted || ((int)role != main_role && (int)role != from) ||
	    select_nodes(lab, lab->cluster.places[main_role].on, set, &ignored) < 0)
		return;
	for (unsigned i = 0; i < lab->node_count && !first; i++)
		if (set[i])
			first = &lab->nodes[i];
	if (!first || first == promoted)
		return;
	/* The two exchanged their seats: lab_promote(). */
	ret[promoted->index - 1] = (int)role == from ? first->role_index[from] : 0;
	ret[first->index - 1] = (int)role == from ? 0 : promoted->role_index[main_role];
}

static unsigned next_number(const unsigned *s, unsigned count)
{
	unsigned most = 0;

	for (unsigned i = 0; i < count; i++)
		most = s[i] > most ? s[i] : most;
	return most + 1;
}

static void write_seats(struct lab *lab, unsigned role, const unsigned *s)
{
	struct role_place *p = &lab->cluster.places[role];
	auto_(strbuf_clear) struct strbuf on = { 0 }, numbers = { 0 };
	bool natural = true;
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++) {
		if (!s[i])
			continue;
		strbuf_printf(&on, "%s%s", on.len ? "," : "", lab->nodes[i].name);
		strbuf_printf(&numbers, "%s%u", numbers.len ? "," : "", s[i]);
		natural = natural && s[i] == ++count;
	}
	p->on = on.len ? arena_strdup(lab->arena, on.text) : NULL;
	p->numbers = natural ? NULL : arena_strdup(lab->arena, numbers.text);
}

/* --- addresses --- */

static bool is_taken(const struct lab *lab, uint32_t ip, const struct node *but)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (&lab->nodes[i] != but && lab->nodes[i].ip == ip)
			return true;
	return false;
}

/* The first one from @from on that nobody has; 0 = there is none. */
static uint32_t free_above(const struct lab *lab, const struct lab *also, const struct node *n, uint32_t from)
{
	uint32_t end = lab->net.subnet + (1u << (32 - lab->net.prefix_len)) - 1; /* the broadcast address */

	for (uint32_t ip = from; ip < end; ip++)
		if (!host_has_address(lab, ip) && !is_taken(lab, ip, n) && !(also && is_taken(also, ip, NULL)))
			return ip;
	return 0;
}

/* Behind the highest; one that a removed node had only if there is no other. 0 = there is none. */
static uint32_t free_address(const struct lab *lab, const struct lab *also, const struct node *n)
{
	uint32_t first = lab->net.subnet + lab->net.first_host, most = first, ip;

	for (unsigned i = 0; i < lab->node_count; i++)
		most = &lab->nodes[i] != n && lab->nodes[i].ip > most ? lab->nodes[i].ip : most;
	ip = free_above(lab, also, n, most);
	return ip ? ip : free_above(lab, also, n, first);
}

/* The highest N of the names "nodeN"; 0 = none. */
static unsigned highest_name(const struct lab *lab)
{
	unsigned most = 0;

	for (unsigned i = 0; i < lab->node_count; i++) {
		const char *name = lab->nodes[i].name;
		unsigned long number = strncmp(name, "node", 4) ? 0 : strtoul(name + 4, NULL, 10);

		most = number > most && number <= UINT16_MAX ? (unsigned)number : most;
	}
	return most;
}

/* --- copies --- */

static int parse_again(const struct lab *has, const struct lab *lab, struct lab **ret, struct fail *e)
{
	const struct lab_options o = { .state_dir = has->state_dir };
	auto_(strbuf_clear) struct strbuf text = { 0 };

	lab_print(lab, &text);
	if (lab_parse(text.text, text.len, has->file, &o, ret, e) < 0)
		return -1;
	lab_set_id(*ret, has->uuid);
	return 0;
}

/* Adds nodes at the end, without roles. */
static int add_nodes(struct lab *lab, unsigned count, struct fail *e)
{
	struct node *nodes = arena_alloc(lab->arena, (lab->node_count + count) * sizeof *nodes);
	unsigned number = highest_name(lab);

	memcpy(nodes, lab->nodes, lab->node_count * sizeof *nodes);
	lab->nodes = nodes;
	for (; count; count--) {
		struct node *n = &nodes[lab->node_count];
		const char *name;

		do
			name = arena_printf(lab->arena, "node%u", ++number);
		while (lab_find_node(lab, name));
		*n = (struct node){ .index = lab->node_count + 1, .name = name, .cpus = lab->cpus, .memory_mib = lab->memory_mib,
				    .disk_gib = lab->disk_gib };
		if (lab->net.subnet && !(n->ip = free_address(lab, NULL, n)))
			return fail(e, FAIL_LAB, "the subnet of lab '%s' has no address left for %s", lab->name, name);
		if (n->ip)
			ip_format(n->ip, n->ip_text);
		hosts_place(lab, n);
		lab->node_count++;
	}
	hosts_name_nodes(lab);
	return 0;
}

int lab_add_hosts(const struct lab *has, const struct lab *file, struct lab **ret, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	struct host *hosts;

	*ret = NULL;
	if (!has->host_count || parse_again(has, has, &lab, e) < 0)
		return has->host_count ? -1 : 0;
	hosts = arena_alloc(lab->arena, (has->host_count + file->host_count + 1) * sizeof *hosts);
	memcpy(hosts, lab->hosts, lab->host_count * sizeof *hosts);
	lab->hosts = hosts;
	for (unsigned i = 1; i < file->host_count; i++)
		if (!host_find(has, file->hosts[i].name)) {
			hosts[lab->host_count] = file->hosts[i];
			hosts[lab->host_count].number = host_number(file, i) == lab->host_count ? 0 : host_number(file, i);
			lab->host_count++;
		}
	if (lab->host_count == has->host_count)
		return 0;
	hosts_name_nodes(lab);
	return parse_again(has, lab, ret, e); /* checks them */
}

int lab_grow(const struct lab *has, unsigned count, const char *role, struct lab **ret, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	unsigned before = has->node_count, there = 0;
	int wanted = role ? lab_role(has, role) : -1, beside = -1;

	if (count > LAB_NODES_MAX - before)
		return fail(e, FAIL_LAB, "%u more nodes are too many: a lab may have at most %d", count, LAB_NODES_MAX);
	for (unsigned i = 0; wanted >= 0 && i < before; i++)
		there += node_has_role(&has->nodes[i], wanted);
	if (wanted >= 0 && there + count > has->cluster.recipe->roles[wanted].max) {
		fail(e, FAIL_USAGE, "a cluster of kind %s may have at most %u %s; lab '%s' has %u", has->cluster.recipe->kind,
		     has->cluster.recipe->roles[wanted].max, role, has->name, there);
		return fail_next(e, "labctl -l %s node add", has->name);
	}
	if (parse_again(has, has, &lab, e) < 0 || add_nodes(lab, count, e) < 0)
		return -1;
	if (wanted >= 0 && lab->cluster.recipe->roles[wanted].beside)
		beside = lab_role(lab, lab->cluster.recipe->roles[wanted].beside);
	for (unsigned r = 0; r < lab->cluster.place_count; r++) {
		seats s = { 0 };

		read_seats(has, r, false, s);
		for (unsigned i = before; i < lab->node_count && ((int)r == wanted || (int)r == beside); i++)
			s[i] = next_number(s, i);
		write_seats(lab, r, s);
	}
	return parse_again(has, lab, ret, e);
}

/* Removes one node from a group of several. */
static void leave_group(struct lab *lab, struct group *g, const char *name)
{
	auto_(strbuf_clear) struct strbuf members = { 0 };
	size_t len;

	for (const char *at = g->members; *at; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		if (strlen(name) != len || memcmp(at, name, len) != 0)
			strbuf_printf(&members, "%s%.*s", members.len ? "," : "", (int)len, at);
	}
	if (members.len)
		g->members = arena_strdup(lab->arena, members.text);
}

int lab_shrink(const struct lab *has, const struct node *gone, struct lab **ret, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct takeover *t = has->cluster.recipe ? has->cluster.recipe->takeover : NULL;
	unsigned at = gone->index - 1;
	seats first = { 0 };
	bool now;

	if (has->node_count == 1) {
		fail(e, FAIL_USAGE, "%s is the only node of lab '%s'", gone->name, has->name);
		return fail_next(e, "labctl -l %s destroy", has->name);
	}
	if (parse_again(has, has, &lab, e) < 0)
		return -1;
	if (t)
		read_seats(has, (unsigned)lab_role(has, t->role), false, first);
	now = first[at] != 0; /* the leader before a takeover goes: the roles are placed as they are now */
	memmove(&lab->nodes[at], &lab->nodes[at + 1], (lab->node_count - at - 1) * sizeof *lab->nodes);
	lab->node_count--;
	for (unsigned i = 0; i < lab->node_count; i++)
		lab->nodes[i].index = i + 1;
	hosts_name_nodes(lab);
	for (unsigned r = 0; r < lab->cluster.place_count; r++) {
		seats s = { 0 };

		read_seats(has, r, now, s);
		memmove(&s[at], &s[at + 1], (has->node_count - at - 1) * sizeof *s);
		write_seats(lab, r, s);
	}
	if (now)
		lab->cluster.promoted = NULL;
	for (unsigned i = 0; i < lab->cluster.group_count; i++)
		leave_group(lab, &lab->cluster.groups[i], gone->name);
	return parse_again(has, lab, ret, e);
}

/* --- a lab file with other nodes --- */

static void keep_addresses(const struct lab *has, struct lab *wanted)
{
	bool changed = false;

	for (unsigned i = 0; i < wanted->node_count; i++) {
		struct node *n = &wanted->nodes[i];
		const struct node *same = lab_find_node(has, n->name);
		uint32_t ip = n->ip;

		if (lab_line(wanted, arena_printf(wanted->arena, "nodes[%u].address", i + 1)))
			continue;
		if (same)
			n->ip = same->ip;
		else if (is_taken(has, n->ip, NULL) || is_taken(wanted, n->ip, n))
			n->ip = free_address(wanted, has, n);
		changed |= n->ip != ip;
	}
	if (changed)
		lab_set_subnet(wanted, wanted->net.subnet, wanted->net.prefix_len);
}

static void keep_seats(const struct lab *has, struct lab *wanted, unsigned role)
{
	const struct lab_options o = { 0 };
	struct source s = { .lab = wanted, .options = &o, .problems = { .arena = wanted->arena } };
	struct role_place *p = &wanted->cluster.places[role];
	const char *on = p->on;
	seats old = { 0 }, new = { 0 };
	const struct takeover *t = has->cluster.recipe->takeover;
	const struct node *promoted = has->cluster.promoted ? lab_find_node(wanted, has->cluster.promoted) : NULL;
	bool differs = false;

	/* The file may place the roles as they are since a takeover. */
	read_seats(has, role, promoted && node_has_role(promoted, lab_role(wanted, t->role)), old);
	for (unsigned i = 0; i < wanted->node_count; i++) {
		const struct node *n = &wanted->nodes[i], *same = lab_find_node(has, n->name);

		if (same && (!p->given || node_has_role(n, (int)role)))
			new[i] = old[same->index - 1];
	}
	for (unsigned i = 0; i < wanted->node_count; i++) {
		const struct node *n = &wanted->nodes[i];

		if (!new[i] && node_has_role(n, (int)role) && (p->given || !lab_find_node(has, n->name)))
			new[i] = next_number(new, wanted->node_count);
	}
	for (unsigned i = 0; i < wanted->node_count; i++)
		differs |= new[i] != wanted->nodes[i].role_index[role];
	if (!differs)
		return;
	write_seats(wanted, role, new);
	if (p->given)
		p->on = on; /* the user's words */
	if (p->on)
		place_role(&s, role);
	for (unsigned i = 0; i < wanted->node_count && !p->on; i++) {
		wanted->nodes[i].roles &= ~(1u << role);
		wanted->nodes[i].role_index[role] = 0;
	}
}

void lab_keep_nodes(const struct lab *has, struct lab *wanted)
{
	if (has->net.subnet && wanted->net.subnet == has->net.subnet)
		keep_addresses(has, wanted);
	/* A file with a promotion is a copy of the record. */
	for (unsigned r = 0; has->cluster.recipe && wanted->cluster.recipe == has->cluster.recipe && !wanted->cluster.promoted &&
			     r < wanted->cluster.place_count; r++)
		if (!wanted->cluster.places[r].numbers)
			keep_seats(has, wanted, r);
}
