/* SPDX-License-Identifier: PostgreSQL */
/* protect, unprotect: a lab that is not to be destroyed by mistake. */
#include "cli.h"
#include "state.h"

static int set(struct cli *c, bool wanted, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(close) int lock = -1;
	struct paths paths;
	bool was;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	was = state_is_protected(&paths);
	if (was != wanted && state_protect(&paths, wanted, e) < 0)
		return -1;
	report_say("lab '%s' is %s protected\n", lab->name,
		   was == wanted ? wanted ? "already" : "not" : wanted ? "now" : "no longer");
	return 0;
}

static int protect(struct cli *c, struct fail *e)
{
	return set(c, true, e);
}

static int unprotect(struct cli *c, struct fail *e)
{
	return set(c, false, e);
}

const struct command cmd_protect = {
	.name = "protect", .run = protect, .without = NO_LIBRARY,
	.summary = "protect a lab: destroy refuses it",
	.help = "Until unprotect. Everything else works as before; list shows which labs are protected.",
};

const struct command cmd_unprotect = {
	.name = "unprotect", .run = unprotect, .without = NO_LIBRARY,
	.summary = "end the protection of a lab",
};
