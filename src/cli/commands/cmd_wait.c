/* SPDX-License-Identifier: PostgreSQL */
/* wait: until nodes answer, or until their databases do their work. Changes nothing and takes no lock. */
#include <stdio.h>
#include <string.h>

#include "ask_roles.h"
#include "clock.h"
#include "complete.h"
#include "file.h"
#include "plural.h"
#include "pool.h"
#include "sessions.h"
#include "suggest.h"

#define WAIT_MS 600000  /* without --timeout */
#define PAUSE_MS 1000   /* between two rounds */
#define SAY_MS 10000    /* how often the reason is said while it lasts */
#define LOGINS 64       /* threads only wait for nodes */

enum wanted { WAIT_FOR_DEFAULT, WAIT_FOR_SSH, WAIT_FOR_TUNED, WAIT_FOR_DB };

struct wait_words { const char *role; enum wanted wanted; };

static int set_wanted(void *field, const char *what, const char *value, struct fail *e)
{
	static const char *const words[] = { "ssh", "tuned", "db", NULL };
	enum wanted *wanted = field;

	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(value, words[i])) {
			*wanted = WAIT_FOR_SSH + i;
			return 0;
		}
	return suggest_fail(e, what, value, words);
}

struct knock {
	struct runtime *rt;
	const struct node *node;
	int64_t deadline_ms;
	bool tuned;           /* wanted: not only an answer */
	bool answers;
	struct fail why;
};

/* The last thing that the tuning of a node does is to leave a mark (tuning/os/common/end.sh). */
static int check_tuned(struct knock *k, struct ssh *s)
{
	struct ssh_run run = { .command = "test -e /var/lib/labctl/tuned", .deadline_ms = k->deadline_ms };
	int status = 0;

	if (ssh_run(s, &run, &status, &k->why) < 0)
		return -1;
	return status ? fail(&k->why, FAIL_REMOTE, "is not tuned yet") : 0;
}

static void knock_one(void *knocks, unsigned i)
{
	struct knock *k = (struct knock *)knocks + i;
	struct ssh *s;

	k->why = (struct fail){ 0 };
	k->answers = session_get(runtime_sessions(k->rt), k->node, k->deadline_ms, &s, &k->why) == 0;
	if (!k->answers)
		return;
	if (k->tuned)
		k->answers = check_tuned(k, s) == 0;
	session_done(runtime_sessions(k->rt), k->node, !k->answers && k->why.code != FAIL_REMOTE);
}

/* 0 if all answer; else FAIL_SSH with those that do not. */
static int try_ssh(struct runtime *rt, const struct lab *lab, const bool *set, bool tuned, int64_t deadline_ms, struct arena *a,
		   struct fail *e)
{
	auto_(strbuf_clear) struct strbuf reasons = { 0 };
	struct knock *knocks = NULL;
	unsigned count = 0, silent = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i])
			*arena_push(a, knocks, count) = (struct knock){ .rt = rt, .node = &lab->nodes[i], .tuned = tuned, .deadline_ms = deadline_ms };
	pool_run(count, LOGINS, knock_one, knocks);
	for (unsigned i = 0; i < count; i++) {
		if (knocks[i].answers)
			continue;
		silent++;
		strbuf_printf(&reasons, "%s: %s\n", knocks[i].node->name, knocks[i].why.text);
	}
	if (!silent)
		return 0;
	if (tuned)
		fail(e, FAIL_SSH, "%u of %u node%s %s not tuned", silent, count, plural(count), silent == 1 ? "is" : "are");
	else
		fail(e, FAIL_SSH, "%u of %u node%s do%s not answer", silent, count, plural(count), silent == 1 ? "es" : "");
	fail_evidence(e, reasons.text, 20);
	if (tuned)
		return fail_next(e, "labctl -l %s create    (tunes what is not tuned)", lab->name);
	return fail_next(e, "labctl -l %s start    (starts what does not run)", lab->name);
}

/* 0 if the chosen roles do their work; else FAIL_DB. */
static int try_db(struct cli *c, struct runtime *rt, const struct lab *lab, const bool *set, struct arena *a, struct fail *e)
{
	const struct wait_words *said = c->options;
	struct facts facts = { 0 };
	struct asked *asked;
	unsigned count, chosen = 0;

	if (runtime_facts(rt, a, &facts, e) < 0)
		return -1;
	count = ask_list(c, rt, lab, &facts, &asked);
	for (unsigned i = 0; i < count; i++)
		if (set[asked[i].node->index - 1] && (!said->role || !strcmp(ask_place(&asked[i])->role, said->role)))
			asked[chosen++] = asked[i];
	ask_all(asked, chosen);
	return ask_judge(lab, asked, chosen, e);
}

/* Repeats the tries until one succeeds; then the last reason is the failure. */
static int wait_for(struct cli *c, struct runtime *rt, const struct lab *lab, const bool *set, enum wanted wanted, struct fail *e)
{
	static const char *const reached[] = { [WAIT_FOR_SSH] = "all answer on SSH", [WAIT_FOR_TUNED] = "all are tuned",
					       [WAIT_FOR_DB] = "the database is up" };
	int64_t from = clock_now_ms(), deadline = c->timeout_ms < 0 ? from + WAIT_MS : c->start_ms + c->timeout_ms;
	int64_t say = clock_after_ms(SAY_MS);
	struct fail before = { 0 };

	for (;;) {
		auto_(arena_free) struct arena *a = arena_new();
		struct fail why = { 0 };

		if (try_ssh(rt, lab, set, wanted == WAIT_FOR_TUNED, deadline, a, &why) == 0 && (wanted != WAIT_FOR_DB || try_db(c, rt, lab, set, a, &why) == 0))
			break;
		if (c->cancel && atomic_load(c->cancel))
			return fail(e, FAIL_CANCELED, "canceled while waiting");
		if (why.code != FAIL_SSH && why.code != FAIL_DB && why.code != FAIL_TIMEOUT) {
			*e = why;
			return -1;
		}
		/* a round that was cut off only says that its time is over: the one before has the reason */
		if (clock_left_ms(deadline) > 0 || !before.code)
			before = why;
		if (clock_left_ms(deadline) <= PAUSE_MS) {
			*e = before;
			e->code = FAIL_TIMEOUT;
			return fail_wrap(e, "after %lld s", (long long)(clock_now_ms() - from) / 1000);
		}
		if (clock_left_ms(say) == 0 && !c->json) {
			report_say("waiting: %s\n", before.text);
			say = clock_after_ms(SAY_MS);
		}
		clock_sleep_ms(clock_poll_ms(deadline, PAUSE_MS));
	}
	report_say("lab '%s': %s after %.1f s\n", lab->name, reached[wanted],
		   (double)(clock_now_ms() - from) / 1000);
	return 0;
}

static int run_wait(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	const struct wait_words *said = c->options;
	enum wanted wanted = said->wanted;
	bool *set, cluster;

	if (load_existing(c, &lab, e) < 0 || load_runtime(c, lab, &rt, e) < 0)
		return -1;
	cluster = lab->cluster.recipe && file_exists(runtime_paths(rt)->bootstrapped);
	set = arena_alloc(c->arena, lab->node_count * sizeof *set);
	if (lab_select(lab, c->arg_count ? c->args[0] : "all", said->role, set, e) < 0)
		return -1;
	if (wanted == WAIT_FOR_DB && !cluster)
		return load_no_database(lab, "", e);
	if (wanted == WAIT_FOR_DEFAULT)
		wanted = cluster ? WAIT_FOR_DB : WAIT_FOR_SSH;
	return wait_for(c, rt, lab, set, wanted, e);
}

static const struct option_row options[] = {
	{ "for", .arg = "WHAT", .at = offsetof(struct wait_words, wanted), .set = set_wanted,
	  .text = "what must be there: ssh, tuned or db; by default db if the lab has a database" },
	{ "role", 'r', .arg = "ROLE", .complete = complete_roles, .at = offsetof(struct wait_words, role),
	  .text = "only nodes and servers with this role" },
	{ 0 },
};

const struct command cmd_wait = {
	.name = "wait", .run = run_wait, .args = { { "NODES", .optional = true, .complete = complete_nodes } },
	.options = options, .options_size = sizeof(struct wait_words),
	.summary = "wait until nodes answer or until the database is up",
	.help =
	"Asks again and again, changes nothing, and waits for other commands of labctl that are at work. tuned: create has tuned "
	"the nodes. For db every role must do its work, as status checks it. Ends after --timeout, else after ten minutes, with exit status 11 and what is missing.\n\n"
	"  labctl --timeout 60 wait\n"
	"  labctl wait --for ssh 2-4",
};
