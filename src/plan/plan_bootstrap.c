/* SPDX-License-Identifier: PostgreSQL */
/*
 * Makes the steps of a recipe for the nodes of a lab. Knows no kind of cluster: for what
 * a kind needs and this lacks, recipe.h gets a new field.
 */
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "plan_build.h"
#include "quote.h"
#include "recipe.h"
#include "script.h"

#define RULE_TIMEOUT_S 60
#define READY_TIMEOUT_S 120 /* the node exists already: it is running, or just restarting */

/* A rule and its instances. */
struct known {
	const struct rule *rule;
	int role;
	enum { ALL, FIRST, REST, NONE } part;
	unsigned count;    /* instances */
	bool joined;       /* many steps wait for all instances: they wait for "RULE/all" instead */
};

struct bootstrap {
	struct plan *plan;
	const struct recipe *recipe;
	const struct library *lib;
	struct scope_cache cache;
	const struct rule *rules;
	const struct db_request *db; /* arguments of a task, or NULL */
	const char *base;  /* step that the first rules on a node wait for: "BASE/NODE" */
	struct known *known; unsigned known_count;
	struct fail *e;
};

/* --- instances of a rule --- */

static bool runs_on(const struct known *k, const struct node *n)
{
	if (!node_has_role(n, k->role) || k->part == NONE)
		return false;
	return k->part == ALL || (k->part == FIRST) == (n->role_index[k->role] == 1);
}

static int rule_role(const struct lab *lab, const struct rule *r)
{
	char word[64];

	snprintf(word, sizeof word, "%.*s", (int)strcspn(r->on, ":"), r->on);
	return lab_role(lab, word);
}

static const struct known *known_rule(const struct bootstrap *b, const char *id, size_t len)
{
	for (unsigned i = 0; i < b->known_count; i++)
		if (strlen(b->known[i].rule->id) == len && !memcmp(b->known[i].rule->id, id, len))
			return &b->known[i];
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

/*
 * Where many steps wait for many, one step between them joins the edges: 1,000 datanodes
 * and 1,000 coordinators need 2,000 edges instead of a million.
 */
static void find_joins(struct bootstrap *b)
{
	for (unsigned i = 0; i < b->known_count; i++) {
		const char *list = b->known[i].rule->after, *word;
		size_t len;

		while (b->known[i].count > 1 && next_word(&list, &word, &len)) {
			struct known *before = (struct known *)known_rule(b, word, len);

			if (before && before->count > 1)
				before->joined = true;
		}
	}
}

static void know_rules(struct bootstrap *b)
{
	const struct lab *lab = b->plan->lab;

	for (const struct rule *r = b->rules; r->id; r++) {
		const char *colon = strchr(r->on, ':');
		struct known *k = arena_push(b->plan->arena, b->known, b->known_count);

		*k = (struct known){ .rule = r, .role = rule_role(lab, r),
				     .part = r->for_users && !lab->cluster.user_count ? NONE : !colon ? ALL : !strcmp(colon, ":first") ? FIRST : REST };
		for (unsigned i = 0; i < lab->node_count; i++)
			k->count += runs_on(k, &lab->nodes[i]);
	}
	find_joins(b);
}

/* --- what a rule waits for --- */

static void after_all(struct bootstrap *b, struct step *s, const struct known *before)
{
	const struct lab *lab = b->plan->lab;

	if (before->joined) {
		plan_after_node(b->plan, s, before->rule->id, "all");
		return;
	}
	for (unsigned i = 0; i < lab->node_count && before->count; i++) {
		if (!runs_on(before, &lab->nodes[i]))
			continue;
		plan_after_node(b->plan, s, before->rule->id, lab->nodes[i].name);
		if (before->count == 1)
			break;
	}
}

static void add_join(struct bootstrap *b, const struct known *k)
{
	const struct lab *lab = b->plan->lab;
	char id[PLAN_ID_MAX];
	struct step *s;

	snprintf(id, sizeof id, "%s/all", k->rule->id);
	s = plan_add(b->plan, VERB_JOIN, NULL, id, arena_printf(b->plan->arena, "%s on all its nodes", k->rule->id));
	for (unsigned i = 0; i < lab->node_count; i++)
		if (runs_on(k, &lab->nodes[i]))
			plan_after_node(b->plan, s, k->rule->id, lab->nodes[i].name);
}

static int add_after(struct bootstrap *b, struct step *s, const struct rule *r)
{
	const char *list = r->after, *word;
	bool local = false;
	size_t len;

	while (next_word(&list, &word, &len)) {
		bool here = *word == '.';
		const struct known *before = known_rule(b, word + here, len - here);

		if (!before)
			return fail(b->e, FAIL_OTHER, "recipe %s: rule %s is after the unknown rule %.*s", b->recipe->kind,
				    r->id, (int)len, word);
		if (!here)
			after_all(b, s, before);
		else if (runs_on(before, s->node))
			plan_after_node(b->plan, s, before->rule->id, s->node->name);
		local |= runs_on(before, s->node);
	}
	/* It waits only for steps on other nodes: its own node must be ready too. */
	if (!local)
		plan_after_node(b->plan, s, b->base, s->node->name);
	return 0;
}

/* --- payloads --- */

/* "tuning/pgxc/gtm.conf=@{dir}/gtm.conf:0600", the cluster user's; with ":root" behind it root's */
static int make_file(struct scope *s, const struct library *lib, const char *word, size_t len, struct payload_file *ret,
		     struct fail *e)
{
	char *source = arena_strndup(s->arena, word, len), *dest = strchr(source, '='), *mode = strrchr(source, ':');
	bool root = mode && !strcmp(mode, ":root");

	if (root) {
		*mode = '\0';
		mode = strrchr(source, ':');
	}
	if (!dest || !mode || mode < dest)
		return fail(e, FAIL_OTHER, "'%s' is not FILE=PATH:MODE[:root]", source);
	*dest++ = '\0';
	*mode++ = '\0';
	*ret = (struct payload_file){ .mode = mode, .owner = root ? "root" : s->lab->cluster.user };
	if (scope_expand_text(s, source, dest, QUOTE_RAW, &ret->path, e) < 0)
		return -1;
	return scope_expand(s, lib, source, scope_bare(source), &ret->text, e);
}

static int make_script(struct scope *s, const struct library *lib, const struct rule *r, struct payload *p,
		       struct fail *e)
{
	const char *list = r->files, *word, *body;
	struct payload_file *files = NULL;
	size_t len;

	while (next_word(&list, &word, &len))
		if (make_file(s, lib, word, len, arena_push(s->arena, files, p->file_count), e) < 0)
			return -1;
	if (scope_expand(s, lib, r->arg, QUOTE_COUNT, &body, e) < 0)
		return -1;
	p->files = files;
	p->script = script_compose(lib, files, p->file_count, body, s->arena);
	return 0;
}

static int make_rule(const struct lab *lab, const struct library *lib, const struct step *step,
		     struct scope_cache *cache, struct arena *a, const struct payload **ret_payload, struct fail *e)
{
	const struct rule *r = step->rule;
	const struct node *n = step->node;
	int role = rule_role(lab, r), status;
	struct payload *p = arena_new_of(a, struct payload);
	struct scope s;

	scope_init(&s, lab, n, role, a);
	s.cache = cache;
	s.db = step->db;
	p->source = r->arg;
	status = r->log ? scope_expand_text(&s, r->id, r->log, QUOTE_RAW, &p->log, e) : 0;
	if (status == 0 && r->verb == RULE_SCRIPT)
		status = make_script(&s, lib, r, p, e);
	if (status == 0 && r->verb == RULE_SQL) {
		p->port = lab->cluster.places[role].port;
		status = r->database ? scope_expand_text(&s, r->id, r->database, QUOTE_RAW, &p->database, e) : 0;
	}
	if (status == 0 && r->verb == RULE_SQL) {
		status = scope_expand(&s, lib, r->arg, QUOTE_COUNT, &p->sql, e);
	}
	if (status < 0)
		return fail_wrap(e, "rule %s on %s", r->id, n->name);
	*ret_payload = p;
	return 0;
}

int plan_payload(const struct lab *lab, const struct library *lib, const struct step *s, struct scope_cache *cache,
		 struct arena *a, const struct payload **ret_payload, struct fail *e)
{
	*ret_payload = s->payload;
	if (s->payload || (s->verb != VERB_NODE_SCRIPT && s->verb != VERB_NODE_SQL))
		return 0;
	if (s->rule)
		return make_rule(lab, lib, s, cache, a, ret_payload, e);
	if (script_tuning(lab, s->node, lib, cache, a, ret_payload, e) < 0)
		return fail_wrap(e, "tuning of %s", s->node->name);
	return 0;
}

/* --- steps --- */

static int add_rule(struct bootstrap *b, const struct known *k)
{
	const struct lab *lab = b->plan->lab;
	const struct rule *r = k->rule;
	unsigned added = 0;

	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		struct step *s;

		if (!runs_on(k, n))
			continue;
		s = plan_add_node(b->plan, r->verb == RULE_SCRIPT ? VERB_NODE_SCRIPT : VERB_NODE_SQL, n, r->id, r->title);
		s->rule = r;
		s->db = b->db;
		s->timeout_ms = (int64_t)(r->timeout_s ? r->timeout_s : RULE_TIMEOUT_S) * 1000;
		if (plan_wants_payload(lab, added++) &&
		    plan_payload(lab, b->lib, s, &b->cache, b->plan->arena, &s->payload, b->e) < 0)
			return -1;
		if (add_after(b, s, r) < 0)
			return -1;
	}
	if (k->joined)
		add_join(b, k);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* @after: step that all nodes wait for, or NULL. */
static void add_ready(struct plan *p, const char *after)
{
	for (unsigned i = 0; i < p->lab->node_count; i++) {
		struct step *s;

		if (!p->lab->nodes[i].roles)
			continue;
		s = plan_add_node(p, VERB_NODE_READY, &p->lab->nodes[i], "node.ready", "check that it answers on SSH");
		s->timeout_ms = READY_TIMEOUT_S * 1000;
		if (after)
			plan_after(p, s, after);
	}
}

/* Writes the lab's record and the inventory files for other programs. */
static struct step *add_record(struct plan *p)
{
	struct step *s = plan_add(p, VERB_LAB_RECORD, NULL, "lab.record",
				  arena_printf(p->arena, "record the %s cluster", p->lab->cluster.recipe->kind));

	plan_after(p, plan_add(p, VERB_LAB_FILES, NULL, "lab.files", "inventory for psql, ssh, Ansible"), "lab.record");
	return s;
}

/* Adds the instances of @rules; one that waits for nothing on its node waits for step "BASE/NODE". */
static int add_rules(struct bootstrap *b, const struct rule *rules, const char *base)
{
	b->rules = rules;
	b->base = base;
	b->known = NULL;
	b->known_count = 0;
	know_rules(b);
	for (unsigned i = 0; i < b->known_count; i++)
		if (add_rule(b, &b->known[i]) < 0)
			return -1;
	return 0;
}

/*
 * The cluster is recorded once its software is built, before any node changes: a lab whose
 * archive does not build can still get another kind of cluster.
 *
 * The tuning runs again: a lab that was created without a cluster lacks the cluster's user
 * and what depends on roles, and where nothing changes it is quick.
 */
static int add_nodes(struct bootstrap *b)
{
	struct plan *p = b->plan;
	const struct lab *lab = p->lab;
	const struct cluster *c = &lab->cluster;
	bool builds = lab_builds(lab);
	unsigned tuned = 0;
	struct step *s;

	add_ready(p, NULL);
	if (builds) /* takes minutes: first check that the nodes answer */
		plan_after_nodes(p, plan_add(p, VERB_SOURCE_BUILD, NULL, "source.build",
					     c->archive ? arena_printf(p->arena, "build %s",
								       base_name(quote_url(c->archive, p->arena)))
							: "build the software"),
				 "node.ready");
	else if (b->recipe->software && add_rules(b, b->recipe->software, "node.ready") < 0)
		return -1;
	s = add_record(p);
	if (builds)
		plan_after(p, s, "source.build");
	for (unsigned i = 0; i < b->known_count; i++)
		after_all(b, s, &b->known[i]);
	for (unsigned i = 0; i < lab->node_count; i++) {
		if (!lab->nodes[i].roles)
			continue;
		if (plan_add_tuning(p, b->lib, &b->cache, &lab->nodes[i], tuned++, &s, b->e) < 0)
			return -1;
		plan_after(p, s, "lab.record");
	}
	for (unsigned i = 0; i < lab->node_count && builds; i++) {
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
	if (add_nodes(&b) < 0 || add_rules(&b, b.recipe->rules, lab_builds(lab) ? "source.install" : "tune") < 0 ||
	    plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

int plan_task(const struct lab *lab, const struct library *lib, const char *task, const struct db_request *db,
	      struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(db->said ? db->said : "db", lab);
	struct bootstrap b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .db = db, .cache = { .arena = p->arena }, .e = e };
	const struct task *c = b.recipe ? recipe_task(b.recipe, task) : NULL;

	if (!c)
		return fail(e, FAIL_USAGE, "'db %s' is not supported for kind %s", task, b.recipe ? b.recipe->kind : "(none)");
	add_ready(p, c->record == RECORD_FIRST ? add_record(p)->id : NULL);
	if (add_rules(&b, c->rules, "node.ready") < 0)
		return -1;
	if (c->record == RECORD_LAST) {
		struct step *s = add_record(p);

		for (unsigned i = 0; i < b.known_count; i++)
			after_all(&b, s, &b.known[i]);
	}
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
