/* SPDX-License-Identifier: PostgreSQL */
/* host give-up: a host that is lost for good. */
#include <stdio.h>
#include <string.h>

#include "complete.h"
#include "host_look.h"
#include "state.h"

#define ANSWER_MS 20000 /* ssh gives up after 10 s */

struct give_up_words { bool undo; };

void host_say_left(const struct lab *lab, const struct host *host)
{
	report_say("host %s was given up: what lab '%s' has there is left: %s with disks and data, its network, keys and record\n"
		   "if it comes back: ssh %s labctl -y -l %s destroy    (removes that)\n",
		   host->name, lab->name, host->nodes, host->ssh, lab->name);
}

static struct host *find(struct cli *c, struct lab *lab, struct fail *e)
{
	for (unsigned i = 1; i < lab->host_count; i++)
		if (!strcmp(lab->hosts[i].name, c->args[0]))
			return &lab->hosts[i];
	fail(e, FAIL_USAGE, "lab '%s' has no other host '%.64s'", lab->name, c->args[0]);
	fail_next(e, "labctl -l %s host list", lab->name);
	return NULL;
}

/* Whoever answers can remove what it has; and who does not answer cannot be asked back. */
static int check_answer(struct cli *c, const struct lab *lab, const struct host *host, bool undo, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf ignored = { 0 };
	struct fail why = { 0 };
	bool answers = host_script(c, host, "true\n", ANSWER_MS, &ignored, &why) == 0;

	if (why.code == FAIL_CANCELED || (!answers && undo)) {
		*e = why;
		return -1;
	}
	if (!answers || undo)
		return 0;
	fail(e, FAIL_CONFLICT, "host %s answers: it can remove its part of lab '%s' itself", host->name, lab->name);
	return fail_next(e, "labctl -l %s node remove NODE, for each of its nodes (%s); or destroy", lab->name, host->nodes);
}

/* After half a destroy the others have no network any more. */
static int change_network(struct cli *c, const struct lab *lab, const struct host *host, const char *said, struct fail *e)
{
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(strbuf_clear) struct strbuf removing = { 0 };

	if (load_runtime(c, lab, &rt, e) < 0 || state_unfinished(runtime_paths(rt), UNFINISHED_DESTROY, &removing, e) < 0)
		return -1;
	if (removing.len || !lab->net.subnet)
		return 0;
	return plan_host_peers(lab, host, said, &p, e) < 0 ? -1 : run_plan(c, rt, p, e);
}

static int give_up(struct cli *c, struct fail *e)
{
	const struct give_up_words *said = c->options;
	const char *command = arena_printf(c->arena, "host give-up %s%s", said->undo ? "--undo " : "", c->args[0]);
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	struct paths paths;
	struct host *host;
	bool ignored;

	if (load_existing(c, &lab, e) < 0 || !(host = find(c, lab, e)))
		return -1;
	if (host->given_up == said->undo && check_answer(c, lab, host, said->undo, e) < 0)
		return -1;
	c->lab_name = arena_strdup(c->arena, lab->name);
	if (c->dry_run) {
		host->given_up = !said->undo;
		return plan_host_peers(lab, host, command, &p, e) < 0 ? -1 : run_show(c, p, e);
	}
	if (!said->undo && !host->given_up &&
	    report_confirm(c, arena_printf(c->arena, "host %s from lab '%s' for good, with %s", host->name, lab->name, host->nodes),
			   host->name, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	/* Again under the lock. Without a record that says it, nothing changes. */
	lab_free(lab);
	lab = NULL;
	if (load_existing(c, &lab, e) < 0 || !(host = find(c, lab, e)))
		return -1;
	host->given_up = !said->undo;
	if (state_save(&paths, lab, &ignored, e) < 0 || change_network(c, lab, host, command, e) < 0)
		return -1;
	if (c->json || said->undo || !host_holds(lab, (unsigned)(host - lab->hosts)))
		return 0;
	host_say_left(lab, host);
	report_say("next: labctl -l %s destroy; or, to go on without that host, node remove for each of %s\n", lab->name, host->nodes);
	return 0;
}

static const struct option_row give_up_options[] = {
	{ "undo", .at = offsetof(struct give_up_words, undo), .text = "it is back, and none of its nodes was removed" },
	{ 0 },
};

const struct command cmd_host_give_up = {
	.name = "give-up", .run = give_up, .args = { { "NAME", .complete = complete_hosts } },
	.options = give_up_options, .options_size = sizeof(struct give_up_words),
	.summary = "go on without a host that never comes back",
	.help =
	"For a host that is lost for good. One that answers is refused. The lab's network no longer lets in anything from it, so that no server "
	"there can disturb the others: failover then works, also from a primary there. Its nodes can be removed, and destroy leaves out what is on it. Says "
	"what is left there, and the command that removes it if the host comes back after all. create, bootstrap, start and node "
	"add wait until its nodes are removed.\n\n"
	"  labctl -l duo host give-up b\n"
	"  labctl -l duo node remove node2      for each of its nodes; then take it out of the lab file\n"
	"  labctl -l duo host give-up --undo b  it is back",
};
