/* SPDX-License-Identifier: PostgreSQL */
/* fault: breaks a lab on purpose, for a time, and mends it. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "cmd_fault.h"
#include "complete.h"
#include "faults.h"
#include "file.h"
#include "fill.h"
#include "nft.h"
#include "quote.h"
#include "suggest.h"
#include "when.h"

const struct command cmd_fault = {
	.name = "fault", .actions = commands_fault,
	.summary = "break a lab on purpose, and mend it",
	.help =
	"Faults overlap; each has a number. Those of the network are ended by the kernel itself when their time is over, also if labctl "
	"was killed; the others by a labctl that waits in the background. start, destroy and fault heal end them earlier.\n\n"
	"  labctl fault inject partition 1 --for 60s\n"
	"  labctl fault list\n"
	"  labctl fault heal --all",
};

bool fault_has_cluster(const struct cli *c, const struct lab *lab)
{
	struct paths paths;

	load_paths((struct cli *)c, lab->name, &paths);
	return lab->cluster.recipe && file_exists(paths.bootstrapped);
}

/* --- what is in force --- */

bool fault_by_kernel(const struct fault *f)
{
	return fault_ways[f->kind->on].kernel;
}

/* Leaves out the faults that the kernel has ended, but not those that a heal could not end everywhere. */
static void drop_over(struct fault *faults, unsigned *count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < *count; i++)
		if (!fault_by_kernel(&faults[i]) || !fault_is_over(&faults[i], clock_wall_ms()) || faults[i].until_ms == FAULT_HEALED_MS)
			faults[kept++] = faults[i];
	*count = kept;
}

static bool any_machine(const struct lab *lab, const struct fault *f, const struct facts *facts)
{
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct node *n = facts->domains[i].node ? lab_find_node(lab, facts->domains[i].node) : NULL;

		if (n && f->a[n->index - 1] && !facts->domains[i].runs)
			return true;
	}
	return false;
}

/* What of the faults is in force on each host; NULL: it does not answer. */
struct held { struct cli *c; bool **on; };

static struct held look_at_hosts(struct cli *c, const struct lab *lab, struct runtime *rt, const struct fault *faults, unsigned count)
{
	unsigned hosts = lab->host_count ? lab->host_count : 1;
	struct held held = { c, arena_alloc(c->arena, hosts * sizeof *held.on) };

	for (unsigned h = 0; h < hosts; h++) {
		bool wanted = false;
		struct fail ignored = { 0 };

		for (unsigned i = 0; i < count; i++)
			wanted = wanted || fault_is_on(lab, &faults[i], h);
		held.on[h] = arena_alloc(c->arena, (count + 1) * sizeof **held.on);
		if (wanted && runtime_faults_held(rt, h, faults, count, held.on[h], &ignored) < 0)
			held.on[h] = NULL;
	}
	return held;
}

/* "active", or why fault @i is not, or not everywhere. @gone: in these words nothing is left of it. */
static const char *state_on_hosts(const struct lab *lab, const struct fault *faults, unsigned i, const struct held *held, const char *gone)
{
	const char *without = NULL, *silent = NULL;
	bool any = false;

	for (unsigned h = 0; h == 0 || h < lab->host_count; h++) {
		if (!fault_is_on(lab, &faults[i], h))
			continue;
		if (!held->on[h])
			silent = lab->hosts[h].name;
		else if (!held->on[h][i])
			without = lab->host_count ? lab->hosts[h].name : "";
		else
			any = true;
	}
	if (silent)
		return arena_printf(held->c->arena, "unknown: host %s does not answer", silent);
	if (!any)
		return gone;
	return without ? arena_printf(held->c->arena, "in part: gone on host %s", without) : "active";
}

/* "active", or why it is not; NULL: it was ended in another way, as by `labctl start`. */
static const char *state_of_fault(const struct lab *lab, const struct fault *faults, unsigned i, const struct held *held, const struct facts *facts)
{
	const struct fault *f = &faults[i];
	const char *state = "active";

	if (fault_by_kernel(f))
		return state_on_hosts(lab, faults, i, held, "gone: the packet filter was emptied");
	if (f->kind->on == FAULT_MACHINE && !any_machine(lab, f, facts))
		return NULL;
	if (f->kind->on == FAULT_SPACE)
		state = state_on_hosts(lab, faults, i, held, "gone: somebody removed the file");
	return strcmp(state, "active") == 0 && fault_is_over(f, clock_wall_ms()) ? "overdue: heal it" : state;
}

json_t *faults_rows(struct cli *c, const struct lab *lab, struct runtime *rt, const struct facts *facts, struct fail *e)
{
	struct fault *faults;
	struct paths paths;
	struct held held;
	unsigned count;
	json_t *rows;

	load_paths(c, lab->name, &paths);
	if (faults_read(&paths, lab, c->arena, &faults, &count, e) < 0)
		return NULL;
	drop_over(faults, &count);
	held = look_at_hosts(c, lab, rt, faults, count);
	rows = json_array();
	for (unsigned i = 0; i < count; i++) {
		int64_t now = clock_wall_ms(), left = (faults[i].until_ms - now) / 1000;
		const char *state = state_of_fault(lab, faults, i, &held, facts);
		char since[32], until[32] = "until it is healed";

		if (!state)
			continue;
		duration_text((now - faults[i].begun_ms) / 1000, since);
		if (faults[i].until_ms)
			duration_text(left > 0 ? left : 0, until);
		json_array_append_new(rows, json_pack("{s:i, s:s, s:s, s:s, s:s}", "id", (int)faults[i].id, "fault",
						      fault_text(lab, &faults[i], c->arena), "state",
						      state, "for", since, "left", until));
	}
	return rows;
}

static int list(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "id", "ID", true }, { "fault", "FAULT", false }, { "state", "STATE", false },
						 { "for", "AGE", true }, { "left", "LEFT", true } };
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	struct facts facts = { 0 };
	json_t *rows, *doc;
	int r;

	if (load_existing(c, &lab, e) < 0 || load_runtime(c, lab, &rt, e) < 0 || runtime_facts(rt, c->arena, &facts, e) < 0)
		return -1;
	rows = faults_rows(c, lab, rt, &facts, e);
	if (!rows)
		return -1;
	doc = json_pack("{s:i, s:s, s:o}", "v", 1, "lab", lab->name, "faults", rows);
	if (c->json)
		r = report_json(doc, e);
	else if (json_array_size(rows))
		r = report_table(rows, columns, ARRAY_COUNT(columns), e);
	else
		r = (report_say("lab '%s' has no faults\n", lab->name), 0);
	json_decref(doc);
	for (unsigned h = 0; r == 0 && facts.silent && h < lab->host_count; h++)
		if (facts.silent[h])
			r = fail(e, FAIL_PARTIAL, "%s", facts.silent[h]);
	return r;
}

const struct command cmd_fault_list = {
	.name = "list", .run = list, .without = NO_LIBRARY,
	.summary = "list the faults of a lab",
	.help = "STATE is what the kernel and libvirt say: a fault that was recorded may be gone, such as after a reboot of the host.",
};

/* --- inject --- */

struct inject_words { const char *last, *role; unsigned amount; bool host, one_way; };

static int option_amount(void *field, const char *what, const char *value, struct fail *e)
{
	unsigned *amount = field;
	char rest;

	if (sscanf(value, "%7u%c", amount, &rest) == 1 && *amount > 0)
		return 0;
	return fail(e, FAIL_USAGE, "%s: '%.64s' is not a whole number above 0", what, value);
}

static void complete_faults(struct completion *to)
{
	for (const struct fault_kind *k = fault_kinds; k->name; k++)
		complete_add(to, k->name, k->summary);
}

static int unknown_kind(struct cli *c, const char *word, struct fail *e)
{
	const char **names = NULL;
	unsigned count = 0;

	for (const struct fault_kind *k = fault_kinds; k->name; k++)
		*arena_push(c->arena, names, count) = k->name;
	*arena_push(c->arena, names, count) = NULL;
	return suggest_fail(e, "unknown fault", word, names);
}

/* The role whose server is meant: --role, or the only one of the nodes. */
static int choose_server(struct cli *c, const struct lab *lab, struct fault *f, struct fail *e)
{
	const struct inject_words *said = c->options;
	uint32_t roles = 0;

	if (f->kind->on != FAULT_SERVER)
		return said->role ? fail(e, FAIL_USAGE, "%s is about nodes, not servers: --role is for kill and hang", f->kind->name) : 0;
	if (!fault_has_cluster(c, lab))
		return load_no_database(lab, arena_printf(c->arena, ", and so no server to %s", f->kind->name), e);
	for (unsigned i = 0; i < lab->node_count; i++)
		roles |= f->a[i] ? lab->nodes[i].roles : 0;
	f->role = said->role ? lab_role(lab, said->role) : roles ? __builtin_ctz(roles) : -1;
	if (f->role < 0 || (!said->role && roles & (roles - 1))) {
		fail(e, FAIL_USAGE, "'%.64s' has %s", c->args[1], roles ? "servers of several roles" : "no servers");
		return fail_next(e, "labctl -l %s fault inject %s %s -r ROLE", lab->name, f->kind->name, c->args[1]);
	}
	return 0;
}

static int describe(struct cli *c, const struct lab *lab, struct fault *f, struct fail *e)
{
	const struct inject_words *said = c->options;
	int64_t s = 0;

	*f = (struct fault){ .kind = fault_kind(c->args[0]), .role = -1, .host = said->host, .one_way = said->one_way, .amount = said->amount,
			     .a = arena_alloc(c->arena, lab->node_count * sizeof *f->a),
			     .b = arena_alloc(c->arena, lab->node_count * sizeof *f->b) };
	if (!f->kind)
		return unknown_kind(c, c->args[0], e);
	if (!lab->net.subnet) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' is not created yet", lab->name);
		return fail_next(e, "labctl -l %s create", lab->name);
	}
	if (said->last && (!duration_parse(said->last, &s) || s < 1))
		return fail(e, FAIL_USAGE, "--for: '%.64s' is not a time of at least a second: 30s, 5m, 1h", said->last);
	if (said->last && !f->kind->lasts)
		return fail(e, FAIL_USAGE, "%s is over at once: --for is for faults that last", f->kind->name);
	if (lab_select(lab, c->args[1], f->kind->on == FAULT_SERVER ? said->role : NULL, f->a, e) < 0 ||
	    (c->arg_count > 2 && lab_select(lab, c->args[2], NULL, f->b, e) < 0) || choose_server(c, lab, f, e) < 0)
		return -1;
	f->begun_ms = clock_wall_ms();
	f->until_ms = s ? f->begun_ms + s * 1000 : 0;
	return fault_check(lab, f, c->arg_count > 2, e);
}

/* The command line that repeats this one. */
static const char *said_again(struct cli *c, const struct fault *f)
{
	const struct inject_words *said = c->options;
	auto_(strbuf_clear) struct strbuf line = { 0 };

	strbuf_str(&line, "fault inject");
	for (unsigned i = 0; i < c->arg_count; i++) {
		strbuf_str(&line, " ");
		quote_add(&line, QUOTE_SH, c->args[i]);
	}
	if (f->amount)
		strbuf_printf(&line, " --amount %u", f->amount);
	strbuf_printf(&line, "%s%s%s%s%s%s", said->role ? " -r " : "", said->role ? said->role : "", f->host ? " --host" : "",
		      f->one_way ? " --one-way" : "", said->last ? " --for " : "", said->last ? said->last : "");
	return arena_strdup(c->arena, strbuf_text(&line));
}

/* A labctl in the background that heals the fault when its time is over. It inherits the environment, and no open file. */
static int leave_healer(struct cli *c, const struct lab *lab, const struct fault *f, struct fail *e)
{
	const char *id = arena_printf(c->arena, "%u", f->id), *argv[12];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	unsigned k = 0;
	int error;
	pid_t pid;

	argv[k++] = "labctl";
	argv[k++] = "-l";
	argv[k++] = lab->name;
	if (c->connect) {
		argv[k++] = "--connect";
		argv[k++] = c->connect;
	}
	argv[k++] = "fault";
	argv[k++] = "heal";
	argv[k++] = id;
	argv[k++] = "--when-due";
	argv[k] = NULL;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&files, 0, 1);
	posix_spawn_file_actions_adddup2(&files, 0, 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	error = posix_spawn(&pid, "/proc/self/exe", &files, &attributes, (char *const *)(void *)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	if (!error)
		return 0;
	errno = error;
	fail_errno(e, FAIL_HOST, "fault %u is in force, but nothing waits to end it", f->id);
	return fail_next(e, "labctl -l %s fault heal %u", lab->name, f->id);
}

/* Records the fault, so that it can be healed, before anything is done. */
static int record(struct cli *c, const struct lab *lab, const struct paths *paths, struct fault *f, struct fault **ret_all,
		  unsigned *ret_count, struct fail *e)
{
	if (faults_read(paths, lab, c->arena, ret_all, ret_count, e) < 0)
		return -1;
	drop_over(*ret_all, ret_count);
	if (*ret_count >= FAULTS_MAX) {
		fail(e, FAIL_CONFLICT, "lab '%s' has %u faults, the most that it can have at once", lab->name, *ret_count);
		return fail_next(e, "labctl -l %s fault heal --all", lab->name);
	}
	f->id = *ret_count ? (*ret_all)[*ret_count - 1].id + 1 : 1;
	if (!f->kind->lasts)
		return 0;
	*arena_push(c->arena, *ret_all, *ret_count) = *f;
	return faults_write(paths, lab, *ret_all, *ret_count, e);
}

/* Nothing is recorded of a fault that would fill the host's own file systems. */
static int check_space(const struct lab *lab, struct runtime *rt, const struct fault *f, struct fail *e)
{
	const char *const others[] = { runtime_paths(rt)->lab, runtime_paths(rt)->cache, NULL };

	for (unsigned i = 0; f->kind->on == FAULT_SPACE && i < lab->node_count; i++)
		if (f->a[i] && !lab->nodes[i].host && fill_check(lab->nodes[i].export_dir, others, e) < 0)
			return -1;
	return 0;
}

/* A limit of processor time is one of a running node: nothing would be left of it when the node starts. */
static int check_running(struct cli *c, const struct lab *lab, struct runtime *rt, const struct fault *f, struct fail *e)
{
	struct facts facts = { 0 };

	if (f->kind->on != FAULT_CPU)
		return 0;
	if (runtime_facts(rt, c->arena, &facts, e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++) {
		bool runs = false;

		for (unsigned d = 0; d < facts.domain_count; d++)
			runs |= facts.domains[d].node && !strcmp(facts.domains[d].node, lab->nodes[i].name) && facts.domains[d].runs;
		if (f->a[i] && !runs) {
			fail(e, FAIL_CONFLICT, "%s does not run", lab->nodes[i].name);
			return fail_next(e, "labctl -l %s start %s, then the same command again", lab->name, lab->nodes[i].name);
		}
	}
	return 0;
}

static int inject(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	const struct inject_words *said = c->options;
	struct fault f, *all;
	struct paths paths;
	unsigned count;

	if (load_existing(c, &lab, e) < 0 || describe(c, lab, &f, e) < 0 ||
	    plan_fault_inject(lab, c->lib, &f, said_again(c, &f), &p, e) < 0)
		return -1;
	if (c->dry_run)
		return run_show(c, p, e);
	load_paths(c, lab->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0 || load_runtime(c, lab, &rt, e) < 0 || check_running(c, lab, rt, &f, e) < 0 ||
	    check_space(lab, rt, &f, e) < 0 ||
	    record(c, lab, &paths, &f, &all, &count, e) < 0)
		return -1;
	if (run_plan(c, rt, p, e) < 0) {
		struct fail ignored;

		if (fault_by_kernel(&f) && e->code != FAIL_PARTIAL) /* it is there, or it is not, unless several hosts have a part */
			faults_write(&paths, lab, all, count - 1, &ignored);
		else if (f.kind->lasts)
			report_say("next: labctl -l %s fault heal %u    (what of it was done)\n", lab->name, f.id);
		return -1;
	}
	if (f.kind->lasts && f.until_ms && !fault_by_kernel(&f) && leave_healer(c, lab, &f, e) < 0)
		return -1;
	if (f.kind->lasts)
		report_say("fault %u: %s%s%s    (labctl -l %s fault heal %u)\n", f.id, fault_text(lab, &f, c->arena), said->last ? ", for " : "",
			   said->last ? said->last : "", lab->name, f.id);
	return 0;
}

static const struct option_row inject_options[] = {
	{ "for", .arg = "TIME", .at = offsetof(struct inject_words, last), .text = "end the fault after that time: 30s, 5m, 1h" },
	{ "amount", .arg = "N", .set = option_amount, .at = offsetof(struct inject_words, amount),
	  .text = "percent of frames; kilobytes per second; milliseconds; seconds; thousandths; percent of a core" },
	{ "role", 'r', .arg = "ROLE", .complete = complete_roles, .at = offsetof(struct inject_words, role),
	  .text = "the server to kill or hang" },
	{ "host", .at = offsetof(struct inject_words, host),
	  .text = "the other side is also this host, with the clients, labctl and the NFS server on it" },
	{ "one-way", .at = offsetof(struct inject_words, one_way), .text = "only what goes from NODES to the others" },
	{ 0 },
};

const struct command cmd_fault_inject = {
	.name = "inject", .run = inject,
	.args = { { .name = "KIND", .complete = complete_faults }, { "NODES", .complete = complete_nodes },
		  { "OTHERS", .optional = true, .complete = complete_nodes } },
	.options = inject_options, .options_size = sizeof(struct inject_words),
	.summary = "put a fault into a lab",
	.help =
	"  partition         nothing passes between NODES and OTHERS (all others)\n"
	"  partition-ring    each of NODES sees a majority of them, and no two the same one\n"
	"  partition-bridge  the first of NODES sees both halves of the rest, which do not see each other\n"
	"  loss              --amount percent of the frames between NODES and OTHERS are lost\n"
	"  rate              traffic between NODES and OTHERS above --amount kB/s is dropped\n"
	"  link-down         the network cable of NODES is out: neither the others nor the host, SSH and NFS reach them\n"
	"  disk-stall        the data directories of NODES do not answer (NFS)\n"
	"  disk-slow         the data directories of NODES, all together, have --amount kB/s (NFS)\n"
	"  disk-full         the file system with the data directories of NODES is full. The host must not need that file system: "
	"choose another with data: {export_root: ...} in the lab file\n"
	"  pause             the machines are paused, without notice to their systems\n"
	"  power-off         the plug is pulled; healing starts machines and servers\n"
	"  reset             the reset button of machines; over at once\n"
	"  kill              SIGKILL to all processes of a server; over at once: the node's init starts it again, unless the lab file "
	"says cluster: {restart: false}\n"
	"  hang              SIGSTOP to all processes of a server: its connections stay open, and nothing answers\n"
	"  cpu               each of NODES may use --amount percent of one core\n"
	"  delay             all that machines send is late by --amount milliseconds, SSH too\n"
	"  jitter            all that machines send is late by up to --amount milliseconds, at random\n"
	"  reorder           --amount percent of the frames that machines send overtake the others, which are late\n"
	"  corrupt           --amount percent of the frames that machines send have a wrong bit\n"
	"  clock-ahead       the clocks of machines jump forward by --amount seconds; healing sets them to the host's time\n"
	"  clock-behind      the same, back\n"
	"  clock-drift       the clocks of machines run fast by --amount thousandths; healing sets them to the host's time\n\n"
	"partition, loss and rate leave the host alone, so that labctl reaches all nodes, unless --host is given. Rules of the packet filter "
	"know nodes by their MAC addresses: a node that restarts is still concerned.\n\n"
	"  labctl fault inject partition 1 --for 60s\n"
	"  labctl fault inject partition 1-2 3-4 --one-way\n"
	"  labctl fault inject loss 2 --amount 30 --for 5m\n"
	"  labctl fault inject kill 1 -r primary",
};
