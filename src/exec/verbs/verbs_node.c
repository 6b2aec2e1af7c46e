/* SPDX-License-Identifier: PostgreSQL */
/* Verbs of a machine: disk, start, ready. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capacity.h"
#include "clock.h"
#include "defaults.h"
#include "faults.h"
#include "file.h"
#include "node_console.h"
#include "seed.h"
#include "snapshots.h"
#include "verbs_seed.h"

#define ID_TIMEOUT_MS 20000
#define STATE_POLL_MS 2000  /* between two checks of the domain while we wait for its sshd */
#define CANCEL_POLL_MS 200

static const char *node_file(struct run *r, const char *file, struct arena *a)
{
	return paths_node(runtime_paths(runtime_of(r)), run_step(r)->node->name, file, a);
}

int verb_node_disk(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	struct image image;
	bool changed = false, copied = false, seeded = false;
	int status;

	if (images_find(runtime_images(rt), NULL, false, r, &image, NULL, e) < 0 ||
	    file_mkdirs(node_file(r, NULL, a), runtime_lab(rt)->hypervisor == HYPERVISOR_LXC ? 0700 : 0711, e) < 0)
		return -1;
	if (runtime_lab(rt)->hypervisor == HYPERVISOR_LXC) {
		status = root_mount(image.root, node_file(r, NULL, a), &changed, e) < 0 ? -1 :
			 seed_write_root(rt, n, &seeded, e);
	} else {
		if (!image.disk || (!lab_boots_disk(runtime_lab(rt)) && (!image.kernel || !image.initrd)))
			return fail(e, FAIL_HOST, "image %s has no disk or no kernel: %s", image.name, image.dir);
		status = image_take_back(&image, e) ||
			 image_overlay(image.disk, node_file(r, "disk.qcow2", a), n->disk_gib, &changed, e) ||
			 (!lab_boots_disk(runtime_lab(rt)) && image_copy_boot(&image, node_file(r, NULL, a), &copied, e)) ? -1 :
			 (lab_uses_cloud_init(runtime_lab(rt)) ? seed_write_iso : seed_write_tar)(rt, n, &seeded, e);
	}
	if (status < 0)
		return fail_wrap(e, "%s", n->name);
	*ret_state = state_of(changed || copied || seeded);
	return 0;
}

/* A machine that ran already may have another size in the lab file by now. */
static int resize(struct run *r, struct virt *v, const char *xml, bool *changed, struct fail *e)
{
	const struct lab *lab = runtime_lab(runtime_of(r));
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	struct virt_size size = { n->memory_mib, n->cpus, 0 };
	struct fault *faults;
	const char *waits;
	unsigned count;

	if (faults_read(runtime_paths(runtime_of(r)), lab, a, &faults, &count, e) < 0)
		return -1;
	size.cpu_quota = fault_cpu_quota(lab, faults, count, n, clock_wall_ms());
	if (virt_domain_resize(v, n->domain, xml, &size, changed, &waits, e) < 0)
		return -1;
	if (*changed)
		run_note(r, "changed: limits of memory and processor time");
	if (waits)
		run_warn(r, "the new %s: when the node restarts, by labctl -l %s restart %s", waits, lab->name, n->name);
	return 0;
}

int verb_node_start(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	struct node_paths paths = { .disk = node_file(r, "disk.qcow2", a),
				    .seed = node_file(r, lab_uses_cloud_init(lab) ? "seed.iso" : "seed.img", a),
				    .root = node_file(r, "root", a), .console = node_file(r, "console.log", a),
				    .kernel = node_file(r, IMAGE_KERNEL, a), .initrd = node_file(r, IMAGE_INITRD, a) };
	struct image image;
	struct virt *v;
	const char *xml;
	const int64_t started_ms = clock_wall_ms();
	bool changed = false;

	if (images_find(runtime_images(rt), NULL, false, r, &image, NULL, e) < 0)
		return -1;
	paths.base = image.disk;
	paths.copied = lab->hypervisor != HYPERVISOR_LXC && snapshot_mark_age_ms(runtime_paths(rt), SNAPSHOT_FROM) >= 0;
	if (xml_domain(lab, n, &paths, runtime_library(rt), a, &xml, e) < 0 || runtime_virt(rt, &v, e) < 0)
		return -1;
	if (virt_domain_start(v, n->domain, lab->uuid, xml, &changed, e) < 0) {
		auto_(free) char *log = file_tail(arena_printf(a, LIBVIRT_LOG_DIR "/%s/%s.log",
							       libvirt_driver(lab->hypervisor),
							       n->domain), 10);

		if (!*e->evidence && e->code != FAIL_CONFLICT)
			fail_evidence(e, log, 10);
		if (e->code == FAIL_CONFLICT)
			fail_next(e, "virsh dominfo %s; then rename or remove the domain, or give the lab another name", n->domain);
		if (!*e->next)
			fail_next(e, "labctl -l %s create (tries again); libvirt's log: journalctl -u libvirtd", lab->name);
		return lab->hypervisor == HYPERVISOR_LXC ? capacity_explain(e) : -1;
	}
	if (changed)
		session_node_started(runtime_sessions(rt), n, started_ms);
	if ((!changed || faults_recorded(runtime_paths(rt))) && resize(r, v, xml, &changed, e) < 0)
		return fail_next(e, "labctl -l %s restart %s", lab->name, n->name);
	*ret_state = state_of(changed);
	return 0;
}

/* --- ready --- */

/*
 * While a worker waits for sshd, this thread checks the domain: a guest that died must not cost the whole deadline.
 * ssh_wait() takes one flag: the watch sets it when the run is canceled and when the domain is gone.
 */
struct watch {
	struct run *r;
	int64_t since_ms;        /* shows its journal from here, since the epoch; 0 = all of it */
	atomic_bool stop_waiting;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool done;
	char dead[128];          /* state of the domain when it was found dead, else empty */
	const char *hopeless;    /* why it will never come up, from the console (cloud_hopeless()); or NULL */
	const char *seen;        /* the same at the last check: messages of an earlier start are gone at the next check */
	bool kvm_error;
};

/* Does the console of a user-supplied system, which may say why it does not boot, or the log of KVM say that it is hopeless? */
static void read_console(struct watch *w, const struct lab *lab, const struct node *n, bool active)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct console console;
	const char *says;

	if (lab->hypervisor != HYPERVISOR_KVM && !lab_boots_disk(lab))
		return;
	console_read(runtime_of(w->r), n, a, &console);
	if (lab->hypervisor == HYPERVISOR_KVM && strstr(console.log, "KVM internal error"))
		w->kvm_error = true;
	if (!active || !lab_boots_disk(lab))
		return;
	says = cloud_hopeless(console.screen);
	if (says && says == w->seen)
		w->hopeless = says;
	w->seen = says;
}

/* True if the guest will not come up any more. Sets .dead or .hopeless. */
static bool guest_is_lost(struct watch *w)
{
	const struct node *n = run_step(w->r)->node;
	bool active = true, stalled;
	const char *state = runtime_state(runtime_of(w->r), n, &active, &stalled);

	read_console(w, runtime_lab(runtime_of(w->r)), n, active);
	if (w->hopeless)
		return true;
	if (active && !w->kvm_error && strncmp(state, "crashed", 7) && strncmp(state, "paused", 6))
		return false;
	snprintf(w->dead, sizeof w->dead, "%s", state);
	return true;
}

static void *watch_run(void *ctx)
{
	struct watch *w = ctx;
	int64_t next_check = clock_after_ms(STATE_POLL_MS);

	pthread_mutex_lock(&w->lock);
	while (!w->done) {
		int64_t until = clock_after_ms(CANCEL_POLL_MS);
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

		pthread_cond_timedwait(&w->over, &w->lock, &at);
		if (w->done)
			break;
		if (run_cancel(w->r) && atomic_load(run_cancel(w->r))) {
			atomic_store(&w->stop_waiting, true);
			break;
		}
		if (clock_left_ms(next_check) > 0)
			continue;
		next_check = clock_after_ms(STATE_POLL_MS);
		pthread_mutex_unlock(&w->lock);
		if (guest_is_lost(w))
			atomic_store(&w->stop_waiting, true);
		pthread_mutex_lock(&w->lock);
		if (atomic_load(&w->stop_waiting))
			break;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int watch_start(struct watch *w, struct fail *e)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->over, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&w->thread, NULL, watch_run, w) == 0)
		return 0;
	pthread_cond_destroy(&w->over);
	pthread_mutex_destroy(&w->lock);
	return fail(e, FAIL_OTHER, "cannot start the thread that watches the domain");
}

static void watch_end(struct watch *w)
{
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->over);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->over);
	pthread_mutex_destroy(&w->lock);
}

static void add_console(struct watch *w, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	console_evidence(runtime_of(w->r), run_step(w->r)->node, w->since_ms, *w->dead, &text);
	if (text.len)
		fail_evidence(e, text.text, CONSOLE_LINES + 10);
}

/* Says why the node is not ready: if the domain died, that is the cause and ssh's failure only a consequence. */
static int explain(struct watch *w, struct fail *e)
{
	const struct node *n = run_step(w->r)->node;
	const struct lab *lab = runtime_lab(runtime_of(w->r));

	if (e->code == FAIL_CANCELED && !*w->dead && !w->hopeless)
		return -1;
	/* It may have died since the last check. */
	if (!*w->dead && !w->hopeless)
		guest_is_lost(w);
	if (w->kvm_error) {
		fail(e, FAIL_VIRT, "%s: KVM internal error: this host's KVM cannot run ordinary guests (domain '%s' is %s)",
		     n->name, n->domain, w->dead);
		fail_next(e, "labctl -l %s destroy; then labctl --hypervisor lxc create (containers), or --hypervisor qemu "
			     "(emulated, slow)", lab->name);
	} else if (w->hopeless) {
		fail(e, FAIL_VIRT, "%s did not come up: %s", n->name, w->hopeless);
		fail_next(e, "labctl -l %s destroy; then create with another image, or with boot: %s", lab->name,
			  boot_names[!lab->disk_image.boot]);
	} else if (*w->dead) {
		fail(e, FAIL_VIRT, "%s did not come up: domain '%s' is %s", n->name, n->domain, w->dead);
		fail_next(e, "labctl -l %s create (starts it again)", lab->name);
	} else {
		auto_(arena_free) struct arena *a = arena_new();
		struct console console = { "", "" };
		const char *hint;
		bool active, stalled;

		if (lab_boots_disk(lab))
			console_read(runtime_of(w->r), n, a, &console);
		hint = cloud_hint(console.screen);
		session_explain_key(runtime_sessions(runtime_of(w->r)), n, e);
		if (hint)
			fail_wrap(e, "%s", hint);
		fail_wrap(e, "%s did not come up (domain '%s' is %s)", n->name, n->domain,
			  runtime_state(runtime_of(w->r), n, &active, &stalled));
		if (!*e->next)
			fail_next(e, "labctl -l %s create (continues to wait); if the domain hangs: virsh -c %s destroy %s, then create",
				  lab->name, libvirt_uri(lab->hypervisor), n->domain);
	}
	add_console(w, e);
	return *w->dead && lab->hypervisor == HYPERVISOR_LXC ? capacity_explain(e) : -1;
}

/* Checks that we logged in to the machine that we made. */
static int check_identity(struct run *r, struct ssh *s, struct fail *e)
{
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf out = { 0 }, err = { 0 };
	int64_t deadline = clock_after_ms(ID_TIMEOUT_MS);
	struct ssh_run cat = { .command = "cat " SEED_ID_FILE, .out = &out, .err = &err,
			       .deadline_ms = deadline < run_deadline_ms(r) ? deadline : run_deadline_ms(r) };
	int status;

	if (ssh_run(s, &cat, &status, e) < 0)
		return -1;
	if (status == 0 && !strcmp(strbuf_text(&out), seed_id(runtime_lab(runtime_of(r)), n, a)))
		return 0;
	fail(e, FAIL_CONFLICT, "%s: another machine answers at %s (%s differs)", n->name, n->ip_text, SEED_ID_FILE);
	fail_evidence(e, status == 0 ? strbuf_text(&out) : strbuf_text(&err), 5);
	return fail_next(e, "labctl -l %s destroy && labctl -l %s create", runtime_lab(runtime_of(r))->name,
			 runtime_lab(runtime_of(r))->name);
}

/* A node's sshd may start before our key is installed: do not give up at the first refused key. */
static int grace_ms(const struct runtime *rt)
{
	return runtime_lab(rt)->hypervisor == HYPERVISOR_QEMU ? 30000 : 5000;
}

static int connect_to(struct run *r, struct ssh **session, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	struct watch watch = { .r = r };
	struct ssh_target target;
	int status;

	/* Skip what an earlier start logged, if this run started the node. */
	watch.since_ms = session_node_start_ms(runtime_sessions(rt), n);
	if (session_target(runtime_sessions(rt), n, &watch.stop_waiting, a, &target, e) < 0 || watch_start(&watch, e) < 0)
		return -1;
	status = ssh_wait(&target, session_login_ms(runtime_sessions(rt)), grace_ms(rt), run_deadline_ms(r), session, e);
	watch_end(&watch);
	if (status == 0)
		ssh_set_cancel(*session, run_cancel(r)); /* the watch's flag goes out of scope */
	return status < 0 ? explain(&watch, e) : 0;
}

int verb_node_ready(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	struct ssh **session;
	int status = 0;

	if (session_reserve(runtime_sessions(rt), n, run_deadline_ms(r), &session, e) < 0)
		return -1;
	run_say(r, "waiting for sshd at %s", n->ip_text);
	if (!*session)
		status = connect_to(r, session, e);
	if (status == 0 && lab_uses_cloud_init(runtime_lab(rt)))
		status = cloud_wait(r, *session, e);
	if (status == 0)
		status = check_identity(r, *session, e);
	session_done(runtime_sessions(rt), n, status < 0);
	if (status < 0)
		return -1;
	*ret_state = state_of(session_node_start_ms(runtime_sessions(rt), n) != 0);
	return 0;
}
