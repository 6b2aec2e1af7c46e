/* SPDX-License-Identifier: PostgreSQL */
/* Node selectors: one grammar for the command line and the lab file. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lab_source.h"
#include "suggest.h"

/* True when @word is a name of @n inside the cluster ("datanode_2"). */
static bool is_cluster_name(const struct lab *lab, const struct node *n, const char *word)
{
	char name[64];

	for (unsigned r = 0; r < lab->cluster.place_count; r++) {
		lab_role_name(lab, n, (int)r, name);
		if (*name && !strcmp(name, word))
			return true;
	}
	return false;
}

/* "node9" and "node1": which one was meant would be a guess. */
static bool differ_in_number(const char *a, const char *b)
{
	size_t n = strcspn(a, "0123456789");

	return n && n == strcspn(b, "0123456789") && !strncmp(a, b, n) && !a[n + strspn(a + n, "0123456789")] &&
	       !b[n + strspn(b + n, "0123456789")] && a[n] && b[n];
}

static int unknown_word(const struct lab *lab, const char *word, struct fail *e)
{
	const char **known = calloc(lab->node_count + LAB_ROLES_MAX + 2, sizeof *known), *near;
	unsigned n = 0;

	if (!known)
		abort();
	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].name)
			known[n++] = lab->nodes[i].name;
	for (unsigned i = 0; i < lab->cluster.place_count && i < LAB_ROLES_MAX; i++)
		known[n++] = lab->cluster.places[i].role;
	known[n] = "all";
	near = suggest(word, known);
	if (near && differ_in_number(word, near))
		fail(e, FAIL_NOT_FOUND, "no node is named '%.64s': the lab has %s to %s", word, lab->nodes[0].name,
		     lab->nodes[lab->node_count - 1].name);
	else if (near)
		fail(e, FAIL_NOT_FOUND, "no node is named '%.64s' (did you mean %s?)", word, near);
	else
		fail(e, FAIL_NOT_FOUND, "no node is named '%.64s': a selector is a name, a number, a range or a role, "
		     "like node1, 3, 1-3,5 or all", word);
	free(known);
	return -1;
}

/* "3", "3-8", "3-" (to the last). False when @word is none of these. */
static bool parse_range(const char *word, unsigned last, unsigned *ret_low, unsigned *ret_high)
{
	unsigned low = 0, high = 0, digits = 0;

	for (; isdigit((unsigned char)*word) && digits < 7; word++, digits++)
		low = low * 10 + (unsigned)(*word - '0');
	if (!digits)
		return false;
	high = low;
	if (*word == '-') {
		word++;
		for (digits = high = 0; isdigit((unsigned char)*word) && digits < 7; word++, digits++)
			high = high * 10 + (unsigned)(*word - '0');
		if (!digits)
			high = last > low ? last : low;
	}
	*ret_low = low;
	*ret_high = high;
	return !*word;
}

static int select_word(const struct lab *lab, const char *word, bool *set, struct fail *e)
{
	unsigned low, high;
	int role = lab_role(lab, word);
	bool found = false;

	if (!strcmp(word, "all")) {
		memset(set, true, lab->node_count * sizeof *set);
		return 0;
	}
	if (parse_range(word, lab->node_count, &low, &high)) {
		if (low > high)
			return fail(e, FAIL_USAGE, "range '%s' goes backwards (did you mean %u-%u?)", word, high, low);
		if (low < 1 || high > lab->node_count)
			return fail(e, FAIL_NOT_FOUND, "node %u does not exist: the lab has %s%u", low < 1 ? low : high,
				    lab->node_count > 1 ? "nodes 1 to " : "only node ", lab->node_count);
		for (unsigned i = low; i <= high; i++)
			set[i - 1] = true;
		return 0;
	}
	for (unsigned i = 0; i < lab->node_count && !found; i++)
		if (lab->nodes[i].name && !strcmp(lab->nodes[i].name, word))
			found = set[i] = true;
	for (unsigned i = 0; i < lab->node_count && role >= 0; i++)
		if (node_has_role(&lab->nodes[i], role))
			found = set[i] = true;
	for (unsigned i = 0; i < lab->node_count && !found; i++)
		if (is_cluster_name(lab, &lab->nodes[i], word))
			found = set[i] = true;
	if (!found && role >= 0)
		return fail(e, FAIL_NOT_FOUND, "no node of lab %s has the role %s", lab->name, word);
	return found ? 0 : unknown_word(lab, word, e);
}

int select_nodes(const struct lab *lab, const char *selector, bool *set, struct fail *e)
{
	for (const char *at = selector; ; at++) {
		size_t len = strcspn(at, ",");
		char word[256];

		while (len && *at == ' ') /* "1-3, 5" */
			at++, len--;
		while (len && at[len - 1] == ' ')
			len--;
		if (!len || len >= sizeof word)
			return fail(e, FAIL_USAGE, "selector '%.64s': a word is %s", selector, len ? "too long" : "missing");
		memcpy(word, at, len);
		word[len] = '\0';
		if (select_word(lab, word, set, e) < 0)
			return -1;
		at += strcspn(at, ",");
		if (!*at)
			return 0;
	}
}

static int unknown_role(const struct lab *lab, const char *role, struct fail *e)
{
	const char *known[LAB_ROLES_MAX + 1] = {0}, *near;
	auto_(strbuf_clear) struct strbuf list = {0};

	if (!lab->cluster.recipe)
		return fail(e, FAIL_NOT_FOUND, "lab %s has no cluster, so no node has the role '%.64s'", lab->name, role);
	for (unsigned i = 0; i < lab->cluster.place_count && i < LAB_ROLES_MAX; i++) {
		known[i] = lab->cluster.places[i].role;
		strbuf_printf(&list, "%s%s", i ? ", " : "", known[i]);
	}
	near = suggest(role, known);
	if (near)
		return fail(e, FAIL_USAGE, "unknown role '%.64s' (did you mean %s?)", role, near);
	return fail(e, FAIL_USAGE, "unknown role '%.64s'; a cluster of kind %s has: %s", role, lab->cluster.recipe->kind,
		    strbuf_text(&list));
}

int lab_select(const struct lab *lab, const char *selector, const char *role, bool *ret_set, struct fail *e)
{
	bool set[LAB_NODES_MAX] = {0}, any = false;
	int number = role ? lab_role(lab, role) : -1;

	if (role && number < 0)
		return unknown_role(lab, role, e);
	if (select_nodes(lab, selector ? selector : "all", set, e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++) {
		set[i] = set[i] && (!role || node_has_role(&lab->nodes[i], number));
		any = any || set[i];
	}
	if (!any && role)
		return fail(e, FAIL_NOT_FOUND, "no node of '%.64s' has the role %s", selector ? selector : "all", role);
	if (!any)
		return fail(e, FAIL_NOT_FOUND, "no node of lab %s matches", lab->name);
	memcpy(ret_set, set, lab->node_count * sizeof *ret_set);
	return 0;
}

bool lab_builds(const struct lab *lab)
{
	const struct recipe *r = lab->cluster.recipe;

	return r && r->build && (lab->cluster.archive || !r->software);
}

int lab_role(const struct lab *lab, const char *role_name)
{
	for (unsigned i = 0; i < lab->cluster.place_count; i++)
		if (!strcmp(lab->cluster.places[i].role, role_name))
			return (int)i;
	return -1;
}
