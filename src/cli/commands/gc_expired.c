/* SPDX-License-Identifier: PostgreSQL */
#include "gc_expired.h"

#include <string.h>

#include "lifetime.h"
#include "plural.h"
#include "state.h"
#include "when.h"

struct found {
	const char *lab;
	int64_t left_s;
	const char *result;      /* "expired", "protected", "busy", "removed", "failed" */
	const char *why;         /* of "failed"; NULL = none */
};

struct search { struct cli *c; struct moment now; struct found *list; unsigned count; };

/* Every lab with an end: those whose lifetime is over are listed, of the others it is written down what is left. */
static void look_at(struct search *s, const char *lab)
{
	struct cli *c = s->c;
	struct lifetime life;
	struct fail e = { 0 };
	struct paths paths;
	auto_(close) int lock = -1;
	bool has;
	int64_t left;

	load_paths(c, lab, &paths);
	if (lifetime_read(&paths, &life, &has, &e) < 0) {
		*arena_push(c->arena, s->list, s->count) = (struct found){ lab, 0, "failed", arena_strdup(c->arena, e.text) };
		return;
	}
	left = has ? lifetime_left(&life, &s->now) : LIFETIME_NEVER;
	if (left <= 0) {
		*arena_push(c->arena, s->list, s->count) = (struct found){ lab, left, state_is_protected(&paths) ? "protected" : "expired", NULL };
		return;
	}
	if (left == LIFETIME_NEVER || c->dry_run)
		return;
	/* Read again under the lock. A lab on which another labctl works is written down the next time. */
	if (!state_is_locked(&paths) && run_lock(c, &paths, &lock, &e) == 0 && lifetime_read(&paths, &life, &has, &e) == 0 && has &&
	    lifetime_keep(&paths, &life, &s->now, &e) < 0)
		report_say("lab '%s': %s\n", lab, e.text);
}

static void remove_one(struct cli *c, struct found *f, struct fail *first)
{
	struct fail why = { 0 };

	if (lab_destroy_expired(c, f->lab, &why) == 0) {
		f->result = "removed";
		return;
	}
	f->result = why.code == FAIL_CONFLICT ? "busy" : "failed";
	f->why = arena_strdup(c->arena, why.text);
	if (why.code != FAIL_CONFLICT && !first->code)
		*first = why;
}

static int report(struct cli *c, const struct search *s, unsigned failed, struct fail *e)
{
	json_t *rows = json_array(), *doc;
	char text[32];
	int r = 0;

	for (unsigned i = 0; i < s->count; i++) {
		const struct found *f = &s->list[i];

		json_array_append_new(rows, json_pack("{s:s, s:I, s:s, s:s*}", "lab", f->lab, "over_s", (json_int_t)-f->left_s, "result",
						      f->result, "why", f->why));
		if (c->json)
			continue;
		duration_text(-f->left_s, text);
		report_say("lab '%s': its lifetime is over since %s: %s%s%s\n", f->lab, text, f->result, f->why ? ": " : "", f->why ? f->why : "");
		if (!strcmp(f->result, "protected"))
			report_say("  next: labctl -l %s extend 8h, or labctl -l %s unprotect\n", f->lab, f->lab);
	}
	if (!c->json && !s->count)
		report_say("no lab in %s has expired\n", c->state_dir);
	doc = json_pack("{s:i, s:i, s:O}", "v", 1, "failed", (int)failed, "labs", rows);
	if (c->json)
		r = report_json(doc, e);
	json_decref(doc);
	json_decref(rows);
	return r;
}

int gc_expired(struct cli *c, struct fail *e)
{
	struct search s = { .c = c };
	struct fail first = { 0 };
	const char *const *names;
	unsigned wanted = 0, failed = 0;

	moment_now(&s.now);
	if (state_labs(c->state_dir, c->arena, &names, e) < 0)
		return -1;
	for (; *names; names++)
		look_at(&s, *names);
	for (unsigned i = 0; i < s.count; i++)
		wanted += !strcmp(s.list[i].result, "expired");
	if (!c->dry_run && wanted) {
		if (report_confirm(c, arena_printf(c->arena, "%u lab%s with their data", wanted, plural(wanted)), "expired", e) < 0)
			return -1;
		for (unsigned i = 0; i < s.count; i++)
			if (!strcmp(s.list[i].result, "expired"))
				remove_one(c, &s.list[i], &first);
	}
	for (unsigned i = 0; i < s.count; i++)
		failed += !strcmp(s.list[i].result, "failed");
	if (report(c, &s, failed, e) < 0)
		return -1;
	if (!failed)
		return 0;
	c->reported = c->json;
	if (!first.code)
		return fail(e, FAIL_LAB, "the lifetime of %u lab%s could not be read", failed, plural(failed));
	*e = first;
	return fail_wrap(e, "%u of %u could not be removed", failed, s.count);
}

const char *lab_expires(struct cli *c, const char *lab)
{
	struct lifetime life;
	struct fail ignored = { 0 };
	struct paths paths;
	struct moment now;
	char text[32];
	int64_t left;
	bool has;

	load_paths(c, lab, &paths);
	moment_now(&now);
	if (lifetime_read(&paths, &life, &has, &ignored) < 0)
		return "unknown";
	left = has ? lifetime_left(&life, &now) : LIFETIME_NEVER;
	if (left == LIFETIME_NEVER)
		return NULL;
	duration_text(left > 0 ? left : -left, text);
	return arena_printf(c->arena, left > 0 ? "in %s" : "over since %s", text);
}

bool labs_expire(struct cli *c, int64_t *ret_seen_s)
{
	const char *const *names;
	struct fail ignored = { 0 };
	struct moment now;
	bool any = false;

	*ret_seen_s = -1;
	moment_now(&now);
	if (state_labs(c->state_dir, c->arena, &names, &ignored) < 0)
		return false;
	for (; *names; names++) {
		struct lifetime life;
		struct paths paths;
		int64_t ago;
		bool has;

		load_paths(c, *names, &paths);
		if (lifetime_read(&paths, &life, &has, &ignored) < 0 || !has || life.left_s == LIFETIME_NEVER)
			continue;
		any = true;
		ago = now.boot_s - life.at.boot_s;
		if (!strcmp(life.at.boot, now.boot) && ago >= 0 && (*ret_seen_s < 0 || ago < *ret_seen_s))
			*ret_seen_s = ago;
	}
	return any;
}
