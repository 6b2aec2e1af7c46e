/* SPDX-License-Identifier: PostgreSQL */
#include "fault.h"

#include "recipe.h"

/* All frames lost would be a partition; 10 GB/s is more than a bridge moves. */
const struct amount_row fault_amounts[AMOUNT_COUNT] = {
	[AMOUNT_PERCENT] = { "percent of the frames", "%", 99, 30 },
	[AMOUNT_KBYTES_S] = { "kilobytes per second", "kB/s", 10000000, 1000 },
	[AMOUNT_MS] = { "milliseconds", "ms", 60000, 100 },
	[AMOUNT_CORE] = { "percent of a core", "%", 51200, 10 },
	[AMOUNT_THOUSANDTHS] = { "thousandths", "thousandths", 100, 10 },
	[AMOUNT_SECONDS] = { "seconds", "s", 366 * 24 * 60 * 60, 60 },
};

const struct fault_way fault_ways[FAULT_ON_COUNT] = {
	[FAULT_LINKS] = { .kernel = true, .record = true },
	[FAULT_DATA] = { .kernel = true, .record = true },
	[FAULT_CPU] = { .record = true },
	[FAULT_SPACE] = { .record = true, .off = true },
};

const struct fault_kind fault_kinds[] = {
	{ "partition", FAULT_LINKS, .lasts = true, .summary = "nothing passes between NODES and OTHERS (all others)" },
	{ "partition-ring", FAULT_LINKS, .lasts = true, .shape = SHAPE_RING,
	  .summary = "each of NODES sees a majority of them, and no two the same one" },
	{ "partition-bridge", FAULT_LINKS, .lasts = true, .shape = SHAPE_BRIDGE,
	  .summary = "the first of NODES sees both halves of the rest, which do not see each other" },
	{ "loss", FAULT_LINKS, .amount = AMOUNT_PERCENT, .lasts = true, .summary = "frames between NODES and OTHERS are lost at random" },
	{ "rate", FAULT_LINKS, .amount = AMOUNT_KBYTES_S, .lasts = true,
	  .summary = "traffic between NODES and OTHERS, all together, above that rate is dropped" },
	{ "link-down", FAULT_CABLE, .lasts = true, .summary = "the network cable of NODES is out; the host, SSH and NFS are cut off too" },
	{ "disk-stall", FAULT_DATA, .lasts = true, .summary = "the data directories of NODES do not answer (NFS)" },
	{ "disk-slow", FAULT_DATA, .amount = AMOUNT_KBYTES_S, .lasts = true,
	  .summary = "the data directories of NODES, all together, are that slow (NFS)" },
	{ "disk-full", FAULT_SPACE, .lasts = true, .summary = "the file system with the data directories of NODES is full" },
	{ "pause", FAULT_MACHINE, .lasts = true, .machine = MACHINE_PAUSE, .summary = "the machines are paused, without notice to their systems" },
	{ "power-off", FAULT_MACHINE, .lasts = true, .machine = MACHINE_OFF,
	  .summary = "the plug is pulled; healing starts machines and servers" },
	{ "reset", FAULT_MACHINE, .machine = MACHINE_RESET, .no_container = "have no reset button", .summary = "the reset button (no containers)" },
	{ "kill", FAULT_SERVER, .signal = "KILL", .summary = "SIGKILL to all processes of a server" },
	{ "hang", FAULT_SERVER, .lasts = true, .signal = "STOP", .heal_signal = "CONT",
	  .summary = "SIGSTOP to them: the server stands still, and its connections stay open" },
	{ "cpu", FAULT_CPU, .amount = AMOUNT_CORE, .lasts = true, .summary = "each of NODES has that part of a core at most" },
	{ "delay", FAULT_SYSTEM, .amount = AMOUNT_MS, .lasts = true, .function = "netem delay", .no_container = "have no queues of their own",
	  .summary = "all that NODES send is that late (no containers)" },
	{ "jitter", FAULT_SYSTEM, .amount = AMOUNT_MS, .lasts = true, .function = "netem jitter", .no_container = "have no queues of their own",
	  .summary = "all that NODES send is late by up to that, at random (no containers)" },
	{ "reorder", FAULT_SYSTEM, .amount = AMOUNT_PERCENT, .lasts = true, .function = "netem reorder", .no_container = "have no queues of their own",
	  .summary = "so many of the frames that NODES send overtake the others (no containers)" },
	{ "corrupt", FAULT_SYSTEM, .amount = AMOUNT_PERCENT, .lasts = true, .function = "netem corrupt", .no_container = "have no queues of their own",
	  .summary = "so many of the frames that NODES send have a wrong bit (no containers)" },
	{ "clock-ahead", FAULT_SYSTEM, .amount = AMOUNT_SECONDS, .lasts = true, .function = "clock +",
	  .no_container = "have the host's clock", .summary = "the clocks of NODES jump forward; healing sets them (no containers)" },
	{ "clock-behind", FAULT_SYSTEM, .amount = AMOUNT_SECONDS, .lasts = true, .function = "clock -",
	  .no_container = "have the host's clock", .summary = "the clocks of NODES jump back; healing sets them (no containers)" },
	{ "clock-drift", FAULT_SYSTEM, .amount = AMOUNT_THOUSANDTHS, .lasts = true, .function = "drift", .no_container = "have the host's clock",
	  .summary = "the clocks of NODES run fast by that; healing sets them (no containers)" },
	{ 0 },
};

const struct fault_kind *fault_kind(const char *name)
{
	for (const struct fault_kind *k = fault_kinds; k->name; k++)
		if (!strcmp(k->name, name))
			return k;
	return NULL;
}

static unsigned count_of(const struct lab *lab, const bool *set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		n += set[i];
	return n;
}

/* Position of node @i among the chosen ones. */
static unsigned rank_of(const bool *set, unsigned i)
{
	unsigned n = 0;

	for (unsigned k = 0; k < i; k++)
		n += set[k];
	return n;
}

/* A majority of @n nodes around each one: so far to both sides. */
static unsigned reach_of(unsigned n)
{
	return (n / 2 + 1) / 2;
}

static bool in_ring(unsigned n, unsigned from, unsigned to)
{
	unsigned far = from > to ? from - to : to - from;

	return (far < n - far ? far : n - far) > reach_of(n);
}

static bool in_bridge(unsigned n, unsigned from, unsigned to)
{
	unsigned half = (n - 1) / 2; /* the first half has the ranks 1..half */

	return from && to && (from <= half) != (to <= half);
}

bool fault_between(const struct lab *lab, const struct fault *f, unsigned from, unsigned to)
{
	unsigned host = lab->node_count, n;
	bool sends_a = from != host && f->a[from], gets_a = to != host && f->a[to];
	bool sends_b = from == host ? f->host : f->b[from], gets_b = to == host ? f->host : f->b[to];

	if (from == to)
		return false;
	if (f->kind->shape == SHAPE_SIDES)
		return (sends_a && gets_b) || (!f->one_way && sends_b && gets_a);
	if (!sends_a || !gets_a)
		return false;
	n = count_of(lab, f->a);
	return (f->kind->shape == SHAPE_RING ? in_ring : in_bridge)(n, rank_of(f->a, from), rank_of(f->a, to));
}

bool fault_acts_on(const struct lab *lab, unsigned from, unsigned to, unsigned host)
{
	return host == (from == lab->node_count || to == lab->node_count ? 0 : lab->nodes[from].host);
}

bool fault_is_on(const struct lab *lab, const struct fault *f, unsigned host)
{
	if (host && lab->hosts[host].given_up)
		return false;
	for (unsigned from = 0; from <= lab->node_count; from++) {
		if (f->kind->on != FAULT_LINKS && from < lab->node_count && f->a[from] && lab->nodes[from].host == host)
			return true;
		for (unsigned to = 0; to <= lab->node_count && f->kind->on == FAULT_LINKS; to++)
			if (fault_acts_on(lab, from, to, host) && fault_between(lab, f, from, to))
				return true;
	}
	return false;
}

static bool concerns_any(const struct lab *lab, const struct fault *f)
{
	for (unsigned from = 0; from <= lab->node_count; from++)
		for (unsigned to = 0; to <= lab->node_count; to++)
			if (fault_between(lab, f, from, to))
				return true;
	return false;
}

/* What must be true of the lab. */
static int check_lab(const struct lab *lab, const struct fault *f, struct fail *e)
{
	if (f->kind->on == FAULT_DATA && (lab->data.transport == TRANSPORT_FILESYSTEM ||
					  (lab->data.transport == TRANSPORT_AUTO && lab->hypervisor == HYPERVISOR_LXC))) {
		fail(e, FAIL_CONFLICT, "%s slows NFS, but lab '%s' mounts its data directories without it", f->kind->name, lab->name);
		return fail_next(e, "a lab of machines (hypervisor: qemu or kvm) has its data on NFS");
	}
	if (!f->kind->no_container || lab->hypervisor != HYPERVISOR_LXC)
		return 0;
	fail(e, FAIL_CONFLICT, "%s needs machines: the nodes of lab '%s' are containers, which %s", f->kind->name, lab->name, f->kind->no_container);
	return fail_next(e, "a lab with hypervisor: qemu or kvm; or another fault: labctl help fault inject");
}

int fault_check(const struct lab *lab, struct fault *f, bool b_given, struct fail *e)
{
	const struct fault_kind *k = f->kind;
	const struct amount_row *amount = &fault_amounts[k->amount];

	if ((b_given || f->host || f->one_way) && (k->on != FAULT_LINKS || k->shape != SHAPE_SIDES))
		return fail(e, FAIL_USAGE, "%s has no other side: OTHERS, --host and --one-way are for partition, loss and rate", k->name);
	if (!k->amount && f->amount)
		return fail(e, FAIL_USAGE, "%s has no --amount", k->name);
	if (k->amount && (!f->amount || f->amount > amount->max)) {
		if (f->amount)
			fail(e, FAIL_USAGE, "--amount %u is too much: %s takes %s, 1 to %u", f->amount, k->name, amount->text, amount->max);
		else
			fail(e, FAIL_USAGE, "%s needs --amount N: %s, 1 to %u", k->name, amount->text, amount->max);
		return fail_next(e, "labctl -l %s fault inject %s NODES --amount %u", lab->name, k->name, amount->example);
	}
	if (k->on == FAULT_LINKS && k->shape == SHAPE_SIDES && !b_given)
		for (unsigned i = 0; i < lab->node_count; i++)
			f->b[i] = !f->a[i];
	if (check_lab(lab, f, e) < 0)
		return -1;
	if (k->on != FAULT_LINKS || concerns_any(lab, f))
		return 0;
	fail(e, FAIL_USAGE, "%s of %u node%s separates nothing", k->name, count_of(lab, f->a), count_of(lab, f->a) == 1 ? "" : "s");
	return fail_next(e, k->shape == SHAPE_SIDES ? "name fewer nodes, or --host for the clients on this host" : "name four nodes or more");
}

unsigned fault_cpu_quota(const struct lab *lab, const struct fault *faults, unsigned count, const struct node *n, int64_t now_ms)
{
	unsigned least = lab->cpu_quota;

	for (unsigned i = 0; i < count; i++)
		if (faults[i].kind->on == FAULT_CPU && faults[i].a[n->index - 1] && !fault_is_over(&faults[i], now_ms) &&
		    (!least || faults[i].amount < least))
			least = faults[i].amount;
	return least;
}

bool fault_is_over(const struct fault *f, int64_t now_ms)
{
	return f->until_ms && f->until_ms <= now_ms;
}

static void add_names(const struct lab *lab, const bool *set, struct strbuf *out)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i])
			strbuf_printf(out, " %s", lab->nodes[i].name);
}

const char *fault_text(const struct lab *lab, const struct fault *f, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	strbuf_str(&out, f->kind->name);
	if (f->kind->amount)
		strbuf_printf(&out, " %u %s", f->amount, fault_amounts[f->kind->amount].unit);
	if (f->role >= 0)
		strbuf_printf(&out, " %s on", lab->cluster.places[f->role].role);
	add_names(lab, f->a, &out);
	if (f->kind->on == FAULT_LINKS && f->kind->shape == SHAPE_SIDES) {
		strbuf_str(&out, f->one_way ? " >" : " |");
		add_names(lab, f->b, &out);
		strbuf_str(&out, f->host ? " host" : "");
	}
	return arena_strdup(a, strbuf_text(&out));
}
