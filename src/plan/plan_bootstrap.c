/* SPDX-License-Identifier: PostgreSQL */
/*
 * A recipe multiplied by the nodes of a lab. Knows no kind of cluster: what one needs
 * and this cannot say is a missing word of recipe.h.
 */
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "plan_build.h"
#include "recipe.h"
#include "script.h"

#define RULE_TIMEOUT_S 60
#define READY_TIMEOUT_S 120 /* the node was created before: it is up, or its machine is just starting again */

struct bootstrap {
	struct plan *plan;
	const struct recipe *recipe;
	const struct library *lib;
	struct scope_cache cache;
	const char *base;  /* what every first rule on a node waits for */
	struct fail *e;
};

/* --- which instances of a rule there are --- */

static int rule_role(const struct lab *lab, const struct rule *r)
{
	char word[64];

	snprintf(word, sizeof word, "%.*s", (int)strcspn(r->on, ":"), r->on);
	return lab_role(lab, word);
}

static bool runs_on(const struct lab *lab, const struct rule *r, const struct node *n)
{
	const char *colon = strchr(r->on, ':');
	int role = rule_role(lab, r);

	if (!node_has_role(n, role))
		return false;
	if (!colon)
		return true;
	return !strcmp(colon, ":first") ? n->role_index[role] == 1 : n->role_index[role] > 1;
}

static unsigned instance_count(const struct lab *lab, const struct rule *r)
{
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		count += runs_on(lab, r, &lab->nodes[i]);
	return count;
}

static const struct rule *rule_named(const struct recipe *recipe, const char *id, size_t len)
{
	for (const struct rule *r = recipe->rules; r->id; r++)
		if (strlen(r->id) == len && !memcmp(r->id, id, len))
			return r;
	return NULL;
}

/* Next word of a space-separated list; false at the end. */
static bool next_word(const char **list, const char **ret_word, size_t *ret_len)
{
	const char *word = *list ? *list + strspn(*list, " ") : "";

	*ret_len = strcspn(word, " ");
	*ret_word = word;
	*list = word + *ret_len;
	return *ret_len > 0;
}

/* --- what a rule waits for --- */

/*
 * Many that wait for many are joined in one step between them: 1,000 datanodes and 1,000
 * coordinators are 2,000 edges instead of a million.
 */
static void after_all(struct bootstrap *b, struct step *s, const struct rule *before, unsigned waiting)
{
	const struct lab *lab = b->plan->lab;
	unsigned count = instance_count(lab, before);

	if (count > 1 && waiting > 1) {
		plan_after_node(b->plan, s, before->id, "all");
		return;
	}
	for (unsigned i = 0; i < lab->node_count && count; i++)
		if (runs_on(lab, before, &lab->nodes[i]))
			plan_after_node(b->plan, s, before->id, lab->nodes[i].name);
}

/* Is there a rule of several instances that waits for all instances of @before? */
static bool needs_join(struct bootstrap *b, const struct rule *before)
{
	const struct lab *lab = b->plan->lab;

	if (instance_count(lab, before) < 2)
		return false;
	for (const struct rule *r = b->recipe->rules; r->id; r++) {
		const char *list = r->after, *word;
		size_t len;

		while (next_word(&list, &word, &len))
			if (*word != '.' && rule_named(b->recipe, word, len) == before && instance_count(lab, r) > 1)
				return true;
	}
	return false;
}

static void add_join(struct bootstrap *b, const struct rule *r)
{
	const struct lab *lab = b->plan->lab;
	char id[PLAN_ID_MAX];
	struct step *s;

	if (!needs_join(b, r))
		return;
	snprintf(id, sizeof id, "%s/all", r->id);
	s = plan_add(b->plan, VERB_JOIN, NULL, id, arena_printf(b->plan->arena, "%s on all its nodes", r->id));
	for (unsigned i = 0; i < lab->node_count; i++)
		if (runs_on(lab, r, &lab->nodes[i]))
			plan_after_node(b->plan, s, r->id, lab->nodes[i].name);
}

static int add_after(struct bootstrap *b, struct step *s, const struct rule *r, unsigned instances)
{
	const struct node *n = s->node;
	const char *list = r->after, *word;
	bool local = false;
	size_t len;

	while (next_word(&list, &word, &len)) {
		bool here = *word == '.';
		const struct rule *before = rule_named(b->recipe, word + here, len - here);

		if (!before)
			return fail(b->e, FAIL_OTHER, "recipe %s: rule %s is after the unknown rule %.*s", b->recipe->kind,
				    r->id, (int)len, word);
		if (!here)
			after_all(b, s, before, instances);
		else if (runs_on(b->plan->lab, before, n))
			plan_after_node(b->plan, s, before->id, n->name);
		local |= runs_on(b->plan->lab, before, n);
	}
	/* All that it waits for may be on other nodes: its own must be ready too. */
	if (!local)
		plan_after_node(b->plan, s, b->base, n->name);
	return 0;
}

/* --- payloads --- */

/* "tuning/pgxc/gtm.conf=@{dir}/gtm.conf:0600" */
static int add_file(struct bootstrap *b, struct scope *s, const char *word, size_t len, struct payload_file *ret,
		    struct fail *e)
{
	struct arena *a = b->plan->arena;
	char *source = arena_strndup(a, word, len), *dest = strchr(source, '='), *mode = strrchr(source, ':');

	if (!dest || !mode || mode < dest)
		return fail(e, FAIL_OTHER, "'%s' is not FILE=PATH:MODE", source);
	*dest++ = '\0';
	*mode++ = '\0';
	*ret = (struct payload_file){ .mode = mode, .owner = b->plan->lab->cluster.user };
	if (scope_expand_text(s, source, dest, QUOTE_RAW, &ret->path, e) < 0)
		return -1;
	return scope_expand(s, b->lib, source, scope_bare(source), &ret->text, e);
}

static int make_script(struct bootstrap *b, struct scope *s, const struct rule *r, struct payload *p)
{
	const char *list = r->files, *word, *body;
	struct payload_file *files = NULL;
	size_t len;

	while (next_word(&list, &word, &len))
		if (add_file(b, s, word, len, arena_push(b->plan->arena, files, p->file_count), b->e) < 0)
			return -1;
	if (scope_expand(s, b->lib, r->arg, QUOTE_COUNT, &body, b->e) < 0)
		return -1;
	p->files = files;
	p->script = script_compose(b->lib, files, p->file_count, body, b->plan->arena);
	return 0;
}

static int make_payload(struct bootstrap *b, const struct rule *r, const struct node *n, const struct payload **ret)
{
	const struct lab *lab = b->plan->lab;
	int role = rule_role(lab, r);
	struct payload *p = arena_new_of(b->plan->arena, struct payload);
	struct scope s;

	scope_init(&s, lab, n, role, b->plan->arena);
	s.cache = &b->cache;
	p->source = r->arg;
	if (r->log && scope_expand_text(&s, r->id, r->log, QUOTE_RAW, &p->log, b->e) < 0)
		return fail_wrap(b->e, "log of rule");
	if (r->verb == RULE_SCRIPT) {
		if (make_script(b, &s, r, p) < 0)
			return fail_wrap(b->e, "rule %s on %s", r->id, n->name);
	} else {
		p->port = lab->cluster.places[role].port;
		if (scope_expand(&s, b->lib, r->arg, QUOTE_COUNT, &p->sql, b->e) < 0)
			return fail_wrap(b->e, "rule %s on %s", r->id, n->name);
	}
	*ret = p;
	return 0;
}

/* --- steps --- */

static int add_rule(struct bootstrap *b, const struct rule *r)
{
	const struct lab *lab = b->plan->lab;
	unsigned instances = instance_count(lab, r);

	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		struct step *s;

		if (!runs_on(lab, r, n))
			continue;
		s = plan_add_node(b->plan, r->verb == RULE_SCRIPT ? VERB_NODE_SCRIPT : VERB_NODE_SQL, n, r->id, r->title);
		s->timeout_ms = (int64_t)(r->timeout_s ? r->timeout_s : RULE_TIMEOUT_S) * 1000;
		if (make_payload(b, r, n, &s->payload) < 0 || add_after(b, s, r, instances) < 0)
			return -1;
	}
	add_join(b, r);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/*
 * The tuning once more: it is quick where nothing is to be done, and a lab that was created
 * without a cluster has neither its user nor what depends on roles.
 */
static int add_nodes(struct bootstrap *b)
{
	struct plan *p = b->plan;
	const struct lab *lab = p->lab;
	const struct cluster *c = &lab->cluster;
	struct step *s;

	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].roles)
			plan_add_node(p, VERB_NODE_READY, &lab->nodes[i], "node.ready", "see that it answers on SSH")->timeout_ms =
				READY_TIMEOUT_S * 1000;
	if (b->recipe->build)
		plan_add(p, VERB_SOURCE_BUILD, NULL, "source.build",
			 c->archive ? arena_printf(p->arena, "build %s", base_name(c->archive)) : "build the software");
	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].roles && plan_add_tuning(p, b->lib, &b->cache, &lab->nodes[i], &s, b->e) < 0)
			return -1;
	for (unsigned i = 0; i < lab->node_count && b->recipe->build; i++) {
		if (!lab->nodes[i].roles)
			continue;
		s = plan_add_node(p, VERB_SOURCE_INSTALL, &lab->nodes[i], "source.install",
				  arena_printf(p->arena, "install %s", c->prefix));
		plan_after(p, s, "source.build");
		plan_after_node(p, s, "tune", lab->nodes[i].name);
	}
	return 0;
}

int plan_bootstrap(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new("bootstrap", lab);
	struct bootstrap b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .cache = { .arena = p->arena }, .e = e };

	if (!b.recipe)
		return fail(e, FAIL_USAGE, "lab '%s' has no cluster to bootstrap", lab->name);
	b.base = b.recipe->build ? "source.install" : "tune";
	if (add_nodes(&b) < 0)
		return -1;
	for (const struct rule *r = b.recipe->rules; r->id; r++)
		if (add_rule(&b, r) < 0)
			return -1;
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
