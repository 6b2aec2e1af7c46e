/* SPDX-License-Identifier: PostgreSQL */
/* console: the terminal at the console of a node, which also answers when its network does not. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "cmd_node.h"
#include "complete.h"
#include "terminal.h"
#include "virt.h"

#define LEAVE '\x1d' /* Ctrl-], as of telnet and virsh */

struct console_words { bool force; };

struct person {
	const struct cli *c;
	const struct node *node;
	bool leaves;
	bool no_terminal;
	struct fail why;
};

static void opened(void *ctx)
{
	struct person *p = ctx;

	report_say("console of %s; Ctrl-] leaves it\n", p->node->name);
	p->no_terminal = terminal_raw("the terminal is gone", &p->why) < 0;
}

static bool is_late(const struct cli *c)
{
	return c->timeout_ms >= 0 && clock_left_ms(c->start_ms + c->timeout_ms) == 0;
}

static int typed(void *ctx, char *keys, int size, int wait_ms)
{
	struct person *p = ctx;
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	const char *leave;
	ssize_t n;

	if (p->leaves || p->no_terminal || atomic_load(p->c->cancel) || is_late(p->c))
		return -1;
	if (poll(&in, 1, wait_ms) <= 0)
		return 0;
	n = read(STDIN_FILENO, keys, (size_t)size);
	if (n <= 0)
		return n < 0 && errno == EINTR ? 0 : -1;
	leave = memchr(keys, LEAVE, (size_t)n);
	if (!leave)
		return (int)n;
	/* what was typed before it is still sent */
	p->leaves = true;
	return leave == keys ? -1 : (int)(leave - keys);
}

/* The terminal shows it as it is: that is what a console is for. */
static void show(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	while (len > 0) {
		ssize_t put = write(STDOUT_FILENO, text, len);

		if (put < 0 && errno != EINTR)
			return;
		if (put > 0) {
			text += put;
			len -= (size_t)put;
		}
	}
}

/* libvirt of the node's host has the console: labctl there opens it, on a terminal of ssh. */
static int console_there(struct cli *c, const struct lab *lab, const struct node *n, struct fail *e)
{
	const struct console_words *said = c->options;
	const char *const argv[] = { "ssh", "-t", "-x", "-a", "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR", "--", lab->hosts[n->host].ssh,
				     arena_printf(c->arena, "labctl -l %s console%s %s", lab->name, said->force ? " --force" : "", n->name), NULL };

	execvp(argv[0], (char *const *)(void *)argv);
	return fail_errno(e, FAIL_HOST, "%s", argv[0]);
}

static int console(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	const struct console_words *said = c->options;
	struct person person = { .c = c };
	const struct virt_console_io io = { opened, typed, show, &person };
	const char *state;
	struct virt *v;
	bool ended = false;
	int r;

	if (load_existing(c, &lab, e) < 0 || !(person.node = node_one(c, lab, c->args[0], NULL, e)))
		return -1;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fail(e, FAIL_USAGE, "a console needs a terminal on standard input and output");
		return fail_next(e, "labctl -l %s logs %s, or labctl -l %s exec %s -- COMMAND", lab->name, person.node->name, lab->name,
				 person.node->name);
	}
	if (person.node->host)
		return console_there(c, lab, person.node, e);
	if (load_runtime(c, lab, &rt, e) < 0 || runtime_virt(rt, &v, e) < 0)
		return -1;
	if (runtime_is_off(rt, person.node, &state)) {
		fail(e, FAIL_VIRT, "%s is not running: domain '%s' is %s", person.node->name, person.node->domain, state);
		fail_cause(e, CAUSE_NODE_OFF);
		return fail_next(e, "labctl -l %s start %s", lab->name, person.node->name);
	}
	terminal_quiet_cancel(c->cancel);
	r = virt_console(v, person.node->domain, lab->uuid, said->force, &io, &ended, e);
	terminal_restore();
	if (person.no_terminal) {
		*e = person.why;
		return -1;
	}
	if (r < 0 && e->cause == CAUSE_IN_USE)
		return fail_next(e, "labctl -l %s console --force %s    (ends the other session)", lab->name, person.node->name);
	if (r < 0)
		return -1;
	report_say("\n%s %s\n", ended ? "the machine has ended: no more console of" : "left the console of", person.node->name);
	if (atomic_load(c->cancel))
		return FAIL_CANCELED;
	return !ended && !person.leaves && is_late(c) ? fail(e, FAIL_TIMEOUT, "the time for the console of %s was over", person.node->name) : 0;
}

static const struct option_row options[] = {
	{ "force", .at = offsetof(struct console_words, force), .text = "end the session of another program on this console" },
	{ 0 },
};

const struct command cmd_console = {
	.name = "console", .run = console, .args = { { "NODE", .complete = complete_nodes } }, .without = NO_LIBRARY,
	.options = options, .options_size = sizeof(struct console_words),
	.summary = "use the console of a node, also when its network does not answer",
	.help =
	"Every key goes to the node, Ctrl-C too. Ctrl-] leaves the console; what runs there goes on. The terminal is as it was "
	"before, however the command ends. One session at a time can use a console.\n\n"
	"  labctl console node3",
};
