/* SPDX-License-Identifier: PostgreSQL */
/* Verbs that stop machines which will be started again, and look before they are. */
#include <string.h>

#include "clock.h"
#include "file.h"
#include "verb.h"

#define LOGINS 2            /* a login may be slow on a busy host: the second has twice the time */
#define ASK_MS 10000        /* for the command that begins the shutdown */
#define OFF_POLL_MS 200

/* systemd's signal for poweroff.target, because not every image has the D-Bus that systemctl needs. */
#define SHUT_DOWN "if test -d /run/systemd/system; then kill -s RTMIN+4 1; else shutdown -h now </dev/null >/dev/null 2>&1 & fi"

int verb_node_check(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf mark = { 0 };
	const char *disk = paths_node(runtime_paths(rt), n->name, lab->hypervisor == HYPERVISOR_LXC ? "upper" : "disk.qcow2", a);
	struct fail ignored;

	if (!file_exists(disk)) {
		fail(e, FAIL_NOT_FOUND, "%s has no disk: %s is missing", n->name, disk);
		return fail_next(e, "labctl -l %s create (makes a new one); then bootstrap", lab->name);
	}
	if (file_read(arena_printf(a, "%s/" DATA_MARKER, n->export_dir), 4096, &mark, &ignored) < 0 ||
	    strcmp(strbuf_text(&mark), arena_printf(a, "%s %s\n", lab->uuid, n->name)) != 0) {
		fail(e, FAIL_NOT_FOUND, "the data of %s is not in %s: there is no " DATA_MARKER " of this lab and node", n->name,
		     n->export_dir);
		return fail_next(e, "mount the file system that has it; if the data is lost: labctl -l %s create, then bootstrap "
				    "(makes it empty)", lab->name);
	}
	*ret_state = STEP_UNCHANGED;
	return 0;
}

/* What helps if a node cannot be stopped in peace. */
static int next_now(struct run *r, struct fail *e)
{
	return fail_next(e, "labctl -l %s stop --now %s    (powers it off)", runtime_lab(runtime_of(r))->name, run_step(r)->node->name);
}

int verb_node_reach(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	int64_t login_ms = session_login_ms(runtime_sessions(rt));
	struct fail why = { 0 };
	bool active, stalled = false;
	const char *state;
	struct ssh *s;

	for (int tries = 0; tries < LOGINS; tries++, login_ms *= 2) {
		why = (struct fail){ 0 };
		if (session_get_within(runtime_sessions(rt), n, login_ms, run_deadline_ms(r), &s, &why) == 0) {
			session_done(runtime_sessions(rt), n, false);
			*ret_state = STEP_UNCHANGED;
			return 0;
		}
		if (why.code == FAIL_CANCELED || (runtime_state(rt, n, &active, &stalled), stalled))
			break;
	}
	*e = why;
	if (why.code == FAIL_CANCELED)
		return -1;
	state = runtime_state(rt, n, &active, &stalled);
	if (stalled) {
		fail(e, FAIL_VIRT, "%s is not running: domain '%s' is %s", n->name, n->domain, state);
		fail_cause(e, CAUSE_NODE_OFF);
		return fail_next(e, "labctl -l %s start %s    (starts or resumes it)", runtime_lab(rt)->name, n->name);
	}
	fail_wrap(e, "%s does not answer", n->name);
	return next_now(r, e);
}

/* Asks the system over SSH. False if it cannot be reached. */
static bool ask_by_ssh(struct run *r)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	int64_t deadline = clock_after_ms(ASK_MS);
	struct ssh_run shut_down = { .command = SHUT_DOWN, .deadline_ms = deadline };
	struct fail ignored = { 0 };
	int status = -1, asked;
	struct ssh *s;

	if (session_get(runtime_sessions(rt), n, deadline < run_deadline_ms(r) ? deadline : run_deadline_ms(r), &s, &ignored) < 0)
		return false;
	asked = ssh_run(s, &shut_down, &status, &ignored);
	session_done(runtime_sessions(rt), n, true); /* the system ends the session */
	return asked < 0 || status == 0; /* the system may be faster than the answer */
}

/* A container is asked by libvirt, which needs no session; a machine over SSH, because its power button may be slow. */
static int ask_off(struct run *r, struct virt *v, struct fail *e)
{
	const struct lab *lab = runtime_lab(runtime_of(r));
	const char *domain = run_step(r)->node->domain;
	bool asked = lab->hypervisor != HYPERVISOR_LXC && ask_by_ssh(r);

	if (asked || virt_domain_ask_off(v, domain, lab->uuid, e) == 0)
		return 0;
	if (lab->hypervisor != HYPERVISOR_LXC || e->code == FAIL_CONFLICT || !ask_by_ssh(r))
		return -1;
	*e = (struct fail){ 0 };
	return 0;
}

int verb_node_shutdown(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	const struct node *n = run_step(r)->node;
	int64_t from = clock_now_ms();
	const char *state;
	struct virt *v;
	bool active;

	if (runtime_virt(rt, &v, e) < 0)
		return -1;
	*ret_state = STEP_UNCHANGED;
	state = virt_domain_state(v, n->domain, &active);
	if (!active)
		return 0;
	if (virt_domain_stalled(v, n->domain, &state)) {
		fail(e, FAIL_VIRT, "%s cannot shut down: domain '%s' is %s", n->name, n->domain, state);
		return next_now(r, e);
	}
	run_say(r, "waiting until %s is off", n->domain);
	if (ask_off(r, v, e) < 0)
		return e->code == FAIL_CONFLICT ? -1 : next_now(r, e);
	while (state = virt_domain_state(v, n->domain, &active), active) {
		if (virt_domain_end_lost(v, n->domain, lab->uuid, e) < 0)
			return next_now(r, e);
		if (run_cancel(r) && atomic_load(run_cancel(r)))
			return fail(e, FAIL_CANCELED, "%s: canceled while it shuts down", n->name);
		if (clock_left_ms(run_deadline_ms(r)) == 0) {
			fail(e, FAIL_TIMEOUT, "%s did not shut down within %lld s: domain '%s' is %s", n->name,
			     (long long)(clock_now_ms() - from) / 1000, n->domain, state);
			return next_now(r, e);
		}
		clock_sleep_ms(clock_poll_ms(run_deadline_ms(r), OFF_POLL_MS));
	}
	*ret_state = STEP_DONE;
	return 0;
}

int verb_node_off(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	struct virt *v;
	bool changed = false;

	if (runtime_virt(rt, &v, e) < 0 ||
	    virt_domain_off(v, run_step(r)->node->domain, runtime_lab(rt)->uuid, &changed, e) < 0)
		return -1;
	*ret_state = state_of(changed);
	return 0;
}
