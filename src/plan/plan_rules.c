/* SPDX-License-Identifier: PostgreSQL */
/*
 * Makes steps of the rules of a recipe for the nodes of a lab. Knows no kind of cluster: for what a kind needs and this
 * lacks, recipe.h gets a new field.
 */
#include <stdio.h>
#include <string.h>

#include "plan_rules.h"
#include "quote.h"
#include "recipe.h"
#include "script.h"

#define RULE_TIMEOUT_S 60

/* A rule and its instances. */
struct known {
	const struct rule *rule;
	int role;
	enum { ALL, FIRST, REST, NONE } part;
	bool left_out;     /* not for this plan; what waits for it waits for what it would wait for */
	bool brought;      /* one that was chosen needs it: on all its nodes */
	unsigned count;    /* instances */
	bool joined;       /* many steps wait for all instances: they wait for "RULE/all" instead */
};

/* --- instances of a rule --- */

static bool runs_on(const struct rules *b, const struct known *k, const struct node *n)
{
	unsigned at = n->index - 1;

	if (!node_has_role(n, k->role) || k->part == NONE || k->left_out || (b->off && (b->off[at] >> k->role & 1)))
		return false;
	if (b->chosen && !k->brought && !(b->chosen[at] >> k->role & 1))
		return false;
	return k->part == ALL || (k->part == FIRST) == node_is_first(b->plan->lab, n, k->role);
}

static int rule_role(const struct lab *lab, const struct rule *r)
{
	char word[64];

	snprintf(word, sizeof word, "%.*s", (int)strcspn(r->on, ":"), r->on);
	return lab_role(lab, word);
}

static const struct known *known_rule(const struct rules *b, const char *id, size_t len)
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
 * Where many steps wait for many, one step between them joins the edges: 1,000 datanodes and 1,000 coordinators need 2,000
 * edges instead of a million. With .anyway, the join also ends if some of its steps failed.
 */
static void find_joins(struct rules *b)
{
	for (unsigned i = 0; i < b->known_count; i++) {
		const char *list = b->known[i].rule->after, *word;
		size_t len;

		while ((b->known[i].count > 1 || b->anyway) && next_word(&list, &word, &len)) {
			struct known *before = (struct known *)known_rule(b, word, len);

			if (before && before->count > (b->anyway ? 0 : 1))
				before->joined = true;
		}
	}
}

/* Is the rule no part of this plan? */
static bool is_left_out(const struct rules *b, const struct rule *r)
{
	const struct lab *lab = b->plan->lab;

	for (unsigned i = 0; r->whole && b->off && i < lab->node_count; i++)
		if (b->off[i] & lab->nodes[i].roles)
			return true;
	return b->what != RULES_ALL && (r->use == USE_MAKE || (b->what == RULES_SERVERS && r->use != USE_SERVER));
}

static void count_instances(struct rules *b)
{
	const struct lab *lab = b->plan->lab;

	for (unsigned i = 0; i < b->known_count; i++) {
		b->known[i].count = 0;
		for (unsigned n = 0; n < lab->node_count; n++)
			b->known[i].count += runs_on(b, &b->known[i], &lab->nodes[n]);
	}
}

/* What a chosen rule with .brings waits for runs too, even if it was not chosen. */
static void bring(struct rules *b)
{
	for (unsigned i = 0; i < b->known_count; i++) {
		const char *list = b->known[i].rule->after, *word;
		size_t len;

		while (b->known[i].rule->brings && b->known[i].count && next_word(&list, &word, &len)) {
			bool here = *word == '.';
			struct known *before = (struct known *)known_rule(b, word + here, len - here);

			if (!before || before->rule->use == USE_MAKE)
				continue;
			before->brought = true;
			before->left_out = false;
		}
	}
	count_instances(b);
}

static void know_rules(struct rules *b)
{
	const struct lab *lab = b->plan->lab;

	for (const struct rule *r = b->rules; r->id; r++) {
		const char *colon = strchr(r->on, ':');

		*arena_push(b->plan->arena, b->known, b->known_count) = (struct known){
			.rule = r, .role = rule_role(lab, r), .left_out = is_left_out(b, r),
			.part = r->for_users && !lab->cluster.user_count ? NONE : !colon ? ALL : !strcmp(colon, ":first") ? FIRST : REST };
	}
	count_instances(b);
	if (b->chosen)
		bring(b);
	find_joins(b);
}

/* --- what a rule waits for --- */

static void after_all(struct rules *b, struct step *s, const struct known *before)
{
	const struct lab *lab = b->plan->lab;

	if (before->joined) {
		plan_after_node(b->plan, s, before->rule->id, "all");
		return;
	}
	for (unsigned i = 0; i < lab->node_count && before->count; i++) {
		if (!runs_on(b, before, &lab->nodes[i]))
			continue;
		plan_after_node(b->plan, s, before->rule->id, lab->nodes[i].name);
		if (before->count == 1)
			break;
	}
}

static void add_join(struct rules *b, const struct known *k)
{
	const struct lab *lab = b->plan->lab;
	char id[PLAN_ID_MAX];
	struct step *s;

	snprintf(id, sizeof id, "%s/all", k->rule->id);
	s = plan_add(b->plan, VERB_JOIN, NULL, id, arena_printf(b->plan->arena, "%s on all its nodes", k->rule->id));
	s->anyway = b->anyway;
	for (unsigned i = 0; i < lab->node_count; i++)
		if (runs_on(b, k, &lab->nodes[i]))
			plan_after_node(b->plan, s, k->rule->id, lab->nodes[i].name);
}

/*
 * @here: the rules between @r and the step's rule, which are left out or run nowhere, are all waited for on the same node only. Sets
 * *local if the step waits for one on its own node.
 */
static int add_waits(struct rules *b, struct step *s, const struct rule *r, bool here, bool *local)
{
	const char *list = r->after, *word;
	size_t len;

	while (next_word(&list, &word, &len)) {
		bool dot = *word == '.';
		const struct known *before = known_rule(b, word + dot, len - dot);

		if (!before)
			return fail(b->e, FAIL_OTHER, "recipe %s: rule %s is after the unknown rule %.*s", b->recipe->kind,
				    r->id, (int)len, word);
		/* One that runs nowhere ("ROLE:rest" of a single node) passes on what it waits for. */
		if (before->left_out || !before->count) {
			if ((!dot || node_has_role(s->node, before->role)) && add_waits(b, s, before->rule, here && dot, local) < 0)
				return -1;
			continue;
		}
		if (!here || !dot)
			after_all(b, s, before);
		else if (runs_on(b, before, s->node))
			plan_after_node(b->plan, s, before->rule->id, s->node->name);
		*local |= runs_on(b, before, s->node);
	}
	return 0;
}

static int add_after(struct rules *b, struct step *s, const struct rule *r)
{
	bool local = false;

	if (add_waits(b, s, r, true, &local) < 0)
		return -1;
	/* It waits only for steps on other nodes, or for joins that say nothing of its own node: that must be ready too. */
	if (!local || b->anyway)
		plan_after_node(b->plan, s, b->chosen && !b->chosen[s->node->index - 1] ? "node.reach" : b->base, s->node->name);
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
	const char *exists = NULL;
	size_t len;

	if (r->exists && scope_expand_text(s, r->id, r->exists, QUOTE_RAW, &exists, e) < 0)
		return -1;
	while (next_word(&list, &word, &len))
		if (make_file(s, lib, word, len, arena_push(s->arena, files, p->file_count), e) < 0)
			return -1;
	if (scope_expand(s, lib, r->arg, QUOTE_COUNT, &body, e) < 0)
		return -1;
	p->files = files;
	p->script = script_compose(lib, exists, files, p->file_count, body, s->arena);
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
	s.rule = r;
	s.gone = step->gone;
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

static int add_rule(struct rules *b, const struct known *k)
{
	const struct lab *lab = b->plan->lab;
	const struct rule *r = k->rule;
	const struct node *before = NULL;
	unsigned added = 0;

	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		struct step *s;

		if (!runs_on(b, k, n))
			continue;
		s = plan_add_node(b->plan, r->verb == RULE_SCRIPT ? VERB_NODE_SCRIPT : VERB_NODE_SQL, n, r->id, r->title);
		s->rule = r;
		s->db = b->db;
		s->gone = b->gone;
		s->timeout_ms = (int64_t)(r->timeout_s ? r->timeout_s : RULE_TIMEOUT_S) * 1000;
		if (plan_wants_payload(lab, added++) &&
		    plan_payload(lab, b->lib, s, &b->cache, b->plan->arena, &s->payload, b->e) < 0)
			return -1;
		if (add_after(b, s, r) < 0)
			return -1;
		if (b->changes && r->in_turn && before)
			plan_after_node(b->plan, s, r->id, before->name);
		before = n;
	}
	if (k->joined)
		add_join(b, k);
	return 0;
}

int rules_add(struct rules *b, const struct rule *rules, const char *base)
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

void rules_before(struct rules *b, struct step *s)
{
	for (unsigned i = 0; i < b->known_count; i++)
		after_all(b, s, &b->known[i]);
}

void rules_before_on(struct rules *b, struct step *s, const struct node *n)
{
	for (unsigned i = 0; i < b->known_count; i++)
		if (runs_on(b, &b->known[i], n))
			plan_after_node(b->plan, s, b->known[i].rule->id, n->name);
}

uint32_t rules_roles(const struct rules *b, const struct node *n)
{
	uint32_t roles = 0;

	for (unsigned i = 0; i < b->known_count; i++)
		if (runs_on(b, &b->known[i], n))
			roles |= 1u << b->known[i].role;
	return roles;
}
