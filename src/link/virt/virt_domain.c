/* SPDX-License-Identifier: PostgreSQL */
/* Domains of libvirt: each function probes before it acts, and touches nothing without the lab's tag. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "virt_call.h"

/* How long a killed domain may take to end: more than 14 s on a busy disk. Less than virt_watch allows. */
#define DIE_MS 60000

/* libvirt notices a container's end a moment later, or more if it is busy; after this time it never will. */
#define LOST_MS 3000

/* How long a killed init may take before libvirt ends what is left. */
#define KILLED_MS 1000

int virt_find_domain(virConnectPtr c, const struct virt_object *o, virDomainPtr *ret_domain, struct fail *e)
{
	auto_(virDomainFree) virDomainPtr domain = virDomainLookupByName(c, o->name);
	auto_(free) char *xml = domain ? virDomainGetXMLDesc(domain, 0) : NULL;
	int owner;

	if (!xml)
		return virt_error() == VIR_ERR_NO_DOMAIN ? VIRT_GONE : fail_virt(e, "domain '%s'", o->name);
	owner = virt_owner("domain", o, xml, e);
	if (owner == VIRT_OURS)
		*ret_domain = steal(domain);
	return owner;
}

/*
 * libvirt sometimes loses the monitor of a container that it has just started: it never notices its end and goes on
 * reporting "running". It then has no init that it could signal, and the process with the domain's id is gone.
 */
static bool runs_without_init(virDomainPtr domain)
{
	unsigned id = virDomainGetID(domain);

	if (virDomainSendProcessSignal(domain, 1, VIR_DOMAIN_PROCESS_SIGNAL_NOP, 0) == 0 ||
	    (virt_error() != VIR_ERR_OPERATION_INVALID && virt_error() != VIR_ERR_SYSTEM_ERROR))
		return false; /* not supported for machines */
	return id > 1 && id != (unsigned)-1 && kill((pid_t)id, 0) < 0 && errno == ESRCH;
}

/*
 * The init of a container: the child of its monitor, whose pid is the domain's id. 0 = not found. libvirt itself may take a process of
 * the last run for it, if the container started again soon after its end.
 */
static pid_t init_of(virConnectPtr c, virDomainPtr domain)
{
	const char *type = virConnectGetType(c);
	unsigned id = virDomainGetID(domain);
	auto_(strbuf_clear) struct strbuf name = { 0 }, children = { 0 };
	struct fail ignored;
	char path[64];

	if (!type || strcmp(type, "LXC") != 0 || id <= 1 || id == (unsigned)-1)
		return 0;
	snprintf(path, sizeof path, "/proc/%u/comm", id);
	if (file_read(path, 64, &name, &ignored) < 0 || strcmp(strbuf_text(&name), "libvirt_lxc\n") != 0)
		return 0;
	snprintf(path, sizeof path, "/proc/%u/task/%u/children", id, id);
	return file_read(path, 4096, &children, &ignored) < 0 ? 0 : (pid_t)strtol(strbuf_text(&children), NULL, 10);
}

/* Machines take no signals. */
static int signal_init(virConnectPtr c, virDomainPtr domain, int signo)
{
	pid_t init = init_of(c, domain);

	return init > 1 && kill(init, signo) == 0 ? 0 : virDomainSendProcessSignal(domain, 1, (unsigned)signo, 0);
}

bool virt_domain_lost(virDomainPtr domain)
{
	int64_t deadline = clock_after_ms(LOST_MS);

	while (runs_without_init(domain)) {
		if (clock_left_ms(deadline) == 0)
			return true;
		clock_sleep_ms(50);
	}
	return false;
}

/* Returns 1: running; 0: must be started; -1: failed. Resumes a paused domain, ends a crashed one (kept for a dump). */
static int domain_runs(virDomainPtr domain, struct virt_object *o, struct fail *e)
{
	bool lost = virt_domain_lost(domain);
	int state, reason;

	if (virDomainGetState(domain, &state, &reason, 0) < 0)
		return virt_error() == VIR_ERR_NO_DOMAIN ? 0 : fail_virt(e, "domain '%s': state", o->name);
	switch (state) {
	case VIR_DOMAIN_PAUSED:
		if (virDomainResume(domain) < 0)
			return fail_virt(e, "domain '%s': resume", o->name);
		o->changed = true;
		return 1;
	case VIR_DOMAIN_CRASHED:
		virDomainDestroy(domain);
		return 0;
	case VIR_DOMAIN_SHUTOFF:
	case VIR_DOMAIN_PMSUSPENDED:
		return 0;
	default:
		if (!lost)
			return 1;
		virDomainDestroy(domain);
		return 0;
	}
}

static int domain_start(virConnectPtr c, void *arg, struct fail *e)
{
	struct virt_object *o = arg;
	auto_(virDomainFree) virDomainPtr found = NULL;
	auto_(virDomainFree) virDomainPtr defined = NULL;
	int owner, runs;

	owner = virt_find_domain(c, o, &found, e);
	if (owner < 0)
		return -1;
	if (owner == VIRT_OURS) {
		runs = domain_runs(found, o, e);
		if (runs)
			return runs < 0 ? -1 : 0;
	}
	defined = virDomainDefineXMLFlags(c, o->xml, 0);
	if (!defined)
		return fail_virt(e, "domain '%s': define", o->name);
	o->changed = true;
	virt_left_remove(o, o->xml);
	if (virDomainCreate(defined) < 0) {
		bool runs_now = virt_error() == VIR_ERR_OPERATION_INVALID;
		struct fail why;

		fail_virt(&why, "domain '%s': start", o->name);
		/* "operation invalid" may mean that the domain is running by now: probe */
		if (runs_now && virDomainIsActive(defined) == 1)
			return 0;
		*e = why;
		return -1;
	}
	if (virDomainIsActive(defined) != 1)
		return fail(e, FAIL_VIRT, "domain '%s': stopped right after its start", o->name);
	return 0;
}

int virt_domain_start(struct virt *v, const char *name, const char *lab_uuid, const char *xml, bool *ret_changed,
		      struct fail *e)
{
	struct virt_object o = { .name = name, .lab_uuid = lab_uuid, .xml = xml };

	if (virt_call(v, "domain start", name, domain_start, &o, e))
		return -1;
	*ret_changed = o.changed;
	return 0;
}

/* Drivers refuse the whole call for one unknown flag: try from all flags down to none. */
static const unsigned undefine_flags[] = {
	VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM |
		VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_TPM,
	VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
		VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM,
	VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
		VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA,
	VIR_DOMAIN_UNDEFINE_MANAGED_SAVE,
	0,
};

static int undefine(virDomainPtr domain, const char *name, struct fail *e)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(undefine_flags); i++) {
		if (virDomainUndefineFlags(domain, undefine_flags[i]) == 0)
			return 0;
		switch (virt_error()) {
		case VIR_ERR_NO_DOMAIN:
			return 0;
		case VIR_ERR_INVALID_ARG:
		case VIR_ERR_NO_SUPPORT:
		case VIR_ERR_ARGUMENT_UNSUPPORTED:
		case VIR_ERR_OPERATION_UNSUPPORTED:
		case VIR_ERR_CONFIG_UNSUPPORTED:
			continue;
		default:
			return fail_virt(e, "domain '%s': undefine", name);
		}
	}
	return fail_virt(e, "domain '%s': undefine", name);
}

/* Ends a running domain at once. */
static int end_domain(virConnectPtr c, virDomainPtr domain, const char *name, struct fail *e)
{
	pid_t init = init_of(c, domain);
	int64_t deadline;
	int state, reason;

	/*
	 * A container's init ignores TERM, and destroy would wait 1.6 s before KILL: kill it now. Fails harmlessly for machines.
	 * A paused container takes the signal when it goes on; without that, libvirt would leave its control groups behind.
	 */
	if (signal_init(c, domain, SIGKILL) == 0 &&
	    virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED)
		virDomainResume(domain);
	/* Its processes die with it. Destroy begins with TERM, on which a quick server would end cleanly: that is no pulled plug. */
	for (deadline = clock_after_ms(KILLED_MS); init > 1 && kill(init, 0) == 0 && clock_left_ms(deadline) > 0;)
		clock_sleep_ms(5);
	/*
	 * A process in uninterruptible I/O survives KILL: libvirt reports "Device or resource busy" for a machine after 15 s,
	 * "Some processes refused to die" for a container after 3 s. It ends when its I/O does: try again.
	 */
	for (deadline = clock_after_ms(DIE_MS); virDomainIsActive(domain) == 1;) {
		if (virDomainDestroy(domain) == 0 || virt_error() == VIR_ERR_NO_DOMAIN ||
		    virt_error() == VIR_ERR_OPERATION_INVALID)
			break;
		if (clock_left_ms(deadline) == 0 || virConnectIsAlive(c) != 1)
			return fail_virt(e, "domain '%s': stop", name);
		clock_sleep_ms(200);
	}
	return 0;
}

static int domain_remove(virConnectPtr c, void *arg, struct fail *e)
{
	struct virt_object *o = arg;
	auto_(virDomainFree) virDomainPtr domain = NULL;
	auto_(free) char *xml = NULL;
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	int owner = virt_find_domain(c, o, &domain, e), persistent;

	if (owner != VIRT_OURS)
		return owner;
	virDomainGetUUIDString(domain, uuid);
	persistent = virDomainIsPersistent(domain);
	xml = virDomainGetXMLDesc(domain, 0);
	if (end_domain(c, domain, o->name, e) < 0)
		return -1;
	if (xml)
		virt_left_remove(o, xml);
	if (persistent != 0 && undefine(domain, o->name, e))
		return -1;
	virt_left_files(c, o->name, uuid);
	o->changed = true;
	return 0;
}

int virt_domain_remove(struct virt *v, const char *name, const char *lab_uuid, bool *ret_changed, struct fail *e)
{
	struct virt_object o = { .name = name, .lab_uuid = lab_uuid };

	if (virt_call(v, "domain remove", name, domain_remove, &o, e))
		return -1;
	*ret_changed = o.changed;
	return 0;
}

static int domain_off(virConnectPtr c, void *arg, struct fail *e)
{
	struct virt_object *o = arg;
	auto_(virDomainFree) virDomainPtr domain = NULL;
	int owner = virt_find_domain(c, o, &domain, e);

	if (owner != VIRT_OURS || virDomainIsActive(domain) != 1)
		return owner < 0 ? owner : 0;
	if (end_domain(c, domain, o->name, e) < 0)
		return -1;
	o->changed = true;
	return 0;
}

int virt_domain_off(struct virt *v, const char *name, const char *lab_uuid, bool *ret_changed, struct fail *e)
{
	struct virt_object o = { .name = name, .lab_uuid = lab_uuid };

	if (virt_call(v, "domain off", name, domain_off, &o, e))
		return -1;
	*ret_changed = o.changed;
	return 0;
}

/* --- pause, resume, reset; virt_cable.c --- */

struct act { struct virt_object o; enum virt_act act; };

static int domain_act(virConnectPtr c, void *arg, struct fail *e)
{
	static const struct { const char *word; int (*call)(virDomainPtr domain); } acts[] = {
		[VIRT_PAUSE] = { "pause", virDomainSuspend }, [VIRT_RESUME] = { "resume", virDomainResume }, [VIRT_RESET] = { "reset", NULL } };
	struct act *p = arg;
	auto_(virDomainFree) virDomainPtr domain = NULL;
	int owner = virt_find_domain(c, &p->o, &domain, e), state, reason;

	if (owner != VIRT_OURS)
		return owner < 0 ? owner : fail(e, FAIL_NOT_FOUND, "domain '%s' is missing", p->o.name);
	if (virDomainGetState(domain, &state, &reason, 0) < 0)
		return fail_virt(e, "domain '%s': state", p->o.name);
	if (state != VIR_DOMAIN_RUNNING && state != VIR_DOMAIN_PAUSED && state != VIR_DOMAIN_BLOCKED)
		return fail(e, FAIL_VIRT, "domain '%s' does not run", p->o.name);
	if (p->act == VIRT_UNPLUG || p->act == VIRT_PLUG)
		return virt_cable(domain, p->act == VIRT_PLUG, &p->o, e);
	if (p->act != VIRT_RESET && (state == VIR_DOMAIN_PAUSED) == (p->act == VIRT_PAUSE))
		return 0;
	if ((p->act == VIRT_RESET ? virDomainReset(domain, 0) : acts[p->act].call(domain)) < 0)
		return fail_virt(e, "domain '%s': %s", p->o.name, acts[p->act].word);
	p->o.changed = true;
	return 0;
}

int virt_domain_act(struct virt *v, const char *name, const char *lab_uuid, enum virt_act act, bool *ret_changed, struct fail *e)
{
	struct act p = { { .name = name, .lab_uuid = lab_uuid }, act };

	if (virt_call(v, "domain act", name, domain_act, &p, e))
		return -1;
	*ret_changed = p.o.changed;
	return 0;
}

static int domain_ask_off(virConnectPtr c, void *arg, struct fail *e)
{
	struct virt_object *o = arg;
	struct fail why = { 0 };
	auto_(virDomainFree) virDomainPtr domain = NULL;
	int owner = virt_find_domain(c, o, &domain, e);

	if (owner != VIRT_OURS || virDomainIsActive(domain) != 1)
		return owner < 0 ? owner : 0;
	/*
	 * SIGRTMIN+4 is systemd's poweroff.target. libvirt passes the number on, and counts from the kernel's SIGRTMIN, which
	 * is not the C library's: its RT4 would be another signal. Machines take no signals.
	 */
	if (signal_init(c, domain, SIGRTMIN + 4) == 0)
		return 0;
	/*
	 * libvirt may not know the init of a container that runs, or may take a process of its last run for it. A shutdown would
	 * then succeed and do nothing.
	 */
	if (virt_error() == VIR_ERR_NO_SUPPORT && virDomainShutdown(domain) == 0)
		return 0;
	fail_virt(&why, "domain '%s': shut down", o->name); /* before the next call forgets libvirt's error */
	if (virDomainIsActive(domain) != 1)
		return 0;
	*e = why;
	return -1;
}

int virt_domain_ask_off(struct virt *v, const char *name, const char *lab_uuid, struct fail *e)
{
	struct virt_object o = { .name = name, .lab_uuid = lab_uuid };

	return virt_call(v, "domain shutdown", name, domain_ask_off, &o, e) ? -1 : 0;
}

static int domain_end_lost(virConnectPtr c, void *arg, struct fail *e)
{
	struct virt_object *o = arg;
	auto_(virDomainFree) virDomainPtr domain = NULL;
	int owner = virt_find_domain(c, o, &domain, e);

	if (owner != VIRT_OURS || !virt_domain_lost(domain))
		return owner < 0 ? owner : 0;
	return end_domain(c, domain, o->name, e);
}

int virt_domain_end_lost(struct virt *v, const char *name, const char *lab_uuid, struct fail *e)
{
	struct virt_object o = { .name = name, .lab_uuid = lab_uuid };

	return virt_call(v, "domain end lost", name, domain_end_lost, &o, e) ? -1 : 0;
}

/* --- states, in words --- */

#define ANY_REASON -1

static const struct state_word {
	int state, reason;
	const char *word;
} state_words[] = {
	{ VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, "paused (I/O error on a disk)" },
	{ VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_CRASHED, "paused (the guest panicked)" },
	{ VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, "paused (by a user)" },
	{ VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, "paused (starting up)" },
	/* also QEMU's run state "internal-error": docs/why/001-kvm-that-is-not-kvm.md */
	{ VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, "paused (KVM internal error, or an unknown reason)" },
	{ VIR_DOMAIN_PAUSED, ANY_REASON, "paused" },
	{ VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED, "crashed (panicked)" },
	{ VIR_DOMAIN_CRASHED, ANY_REASON, "crashed" },
	{ VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED, "shut off (crashed)" },
	{ VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED, "shut off (destroyed)" },
	{ VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FAILED, "shut off (failed to start)" },
	{ VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SAVED, "shut off (saved)" },
	{ VIR_DOMAIN_SHUTOFF, ANY_REASON, "shut off" },
	{ VIR_DOMAIN_SHUTDOWN, ANY_REASON, "shutting down" },
	{ VIR_DOMAIN_PMSUSPENDED, ANY_REASON, "suspended" },
	{ VIR_DOMAIN_BLOCKED, ANY_REASON, "running" },
	{ VIR_DOMAIN_RUNNING, ANY_REASON, "running" },
};

const char *virt_state_word(int state, int reason)
{
	for (size_t i = 0; i < ARRAY_COUNT(state_words); i++) {
		const struct state_word *w = &state_words[i];

		if (w->state == state && (w->reason == reason || w->reason == ANY_REASON))
			return w->word;
	}
	return "in an unknown state";
}

bool virt_state_runs(int state)
{
	return state == VIR_DOMAIN_RUNNING || state == VIR_DOMAIN_BLOCKED || state == VIR_DOMAIN_SHUTDOWN;
}

struct state_query {
	const char *name, *word;
	bool active, runs;
};

static int domain_state(virConnectPtr c, void *arg, struct fail *e)
{
	struct state_query *q = arg;
	auto_(virDomainFree) virDomainPtr domain = virDomainLookupByName(c, q->name);
	bool lost = domain && virt_domain_lost(domain);
	int state, reason;

	if (!domain || virDomainGetState(domain, &state, &reason, 0) < 0) {
		if (virt_error() != VIR_ERR_NO_DOMAIN)
			return fail_virt(e, "domain '%s'", q->name);
		q->word = "missing";
		return 0;
	}
	q->active = state != VIR_DOMAIN_SHUTOFF && state != VIR_DOMAIN_CRASHED;
	if (q->active && lost) {
		q->active = false;
		q->word = VIRT_LOST;
		return 0;
	}
	q->word = virt_state_word(state, reason);
	q->runs = virt_state_runs(state);
	return 0;
}

const char *virt_domain_state(struct virt *v, const char *name, bool *ret_active)
{
	struct state_query q = { .name = name };
	struct fail ignored = { 0 };

	if (virt_call(v, "domain state", name, domain_state, &q, &ignored)) {
		q.word = "unknown (libvirt does not answer)";
		q.active = true;
	}
	if (ret_active)
		*ret_active = q.active;
	return q.word;
}

bool virt_domain_stalled(struct virt *v, const char *name, const char **ret_state)
{
	struct state_query q = { .name = name };
	struct fail ignored = { 0 };

	if (virt_call(v, "domain state", name, domain_state, &q, &ignored) || q.runs)
		return false;
	*ret_state = q.word;
	return true;
}
