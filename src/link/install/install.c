/* SPDX-License-Identifier: PostgreSQL */
#include "install.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "clock.h"
#include "console.h"
#include "file.h"
#include "image_store.h"
#include "proc.h"
#include "generalize.h"

#define TICK_MS 200
#define STANDS_MS 10000  /* wait this long: a question counts if nothing follows it, and an error message may have more lines */
#define SAY_MS 5000      /* minimum interval of progress messages */
#define CPUS_MAX 4
#define NEEDS_BYTES (4ll << 30)

struct installation {
	const struct image_env *env;
	const struct installer *i;
	const char *dir;           /* temporary files */
	const char *disk;
	const char *log, *syslog;  /* CACHE/log/: the console, the installer's own log (Debian) */
	struct console console;
	int64_t heard_ms, news_ms, said_ms; /* last byte of the console, last news, last progress message */
	unsigned news;
	int64_t blocks;            /* blocks of the disk on the host */
	char said[sizeof((struct console *)0)->progress];
};

/* The machine, and the thread that runs it to its end: QEMU dies with this thread, so with labctl, however that ends. */
struct machine {
	struct proc proc;
	atomic_bool stop, ended;
	int status;
	struct fail e;
};

static void *run_machine(void *ctx)
{
	struct machine *m = ctx;

	m->status = proc_check(&m->proc, &m->e);
	atomic_store(&m->ended, true);
	return NULL;
}

/* Doubles commas, for a value in QEMU's option lists. */
static const char *value(const char *text, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf b = { 0 };

	for (; *text; text++)
		strbuf_printf(&b, *text == ',' ? ",," : "%c", *text);
	return arena_strdup(a, strbuf_text(&b));
}

static const char *const *machine_argv(const struct installation *s, struct arena *a)
{
	const struct medium *m = medium_of(s->i->release);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const char *const fixed[] = {
		"setpriv", "--pdeathsig", "KILL", "--", "qemu-system-x86_64",
		"-name", arena_printf(a, "labctl-install-%s", value(s->i->name, a)),
		"-accel", s->i->kvm ? "kvm" : "tcg,thread=multi", "-cpu", s->i->kvm ? "host" : "max",
		"-machine", m->machine, "-m", arena_printf(a, "%u", m->memory_mib),
		"-smp", arena_printf(a, "%ld", cpus < 1 ? 1 : cpus > CPUS_MAX ? CPUS_MAX : cpus),
		"-no-user-config", "-nodefaults", "-display", "none", "-monitor", "none",
		/* End the machine at a restart: a successful installation powers off. */
		"-no-reboot",
		"-serial", arena_printf(a, "file:%s", s->log), "-serial", arena_printf(a, "file:%s", s->syslog),
		/* No flushes: if the host crashes, the disk is discarded anyway. */
		"-drive", arena_printf(a, "file=%s,if=virtio,format=raw,cache=unsafe,discard=unmap,detect-zeroes=unmap",
				       value(s->disk, a)),
		/* User-mode network: outgoing connections only, and no change to the host's network. */
		"-nic", "user,model=virtio-net-pci,ipv6=off", "-device", "virtio-rng-pci",
		"-kernel", arena_printf(a, "%s/kernel", s->dir), "-initrd", arena_printf(a, "%s/initrd", s->dir),
		"-append", m->cmdline,
	};
	const char **argv = NULL;
	unsigned count = 0;

	for (size_t k = 0; k < ARRAY_COUNT(fixed); k++)
		*arena_push(a, argv, count) = fixed[k];
	if (!m->package) {
		*arena_push(a, argv, count) = "-drive";
		*arena_push(a, argv, count) =
			arena_printf(a, "file=%s,if=ide,media=cdrom,readonly=on,format=raw", value(s->i->media, a));
	}
	*arena_push(a, argv, count) = NULL;
	return argv;
}

/* --- watching --- */

static void hear(struct installation *s, int fd, int64_t now)
{
	char block[8192];
	ssize_t got;

	while ((got = read(fd, block, sizeof block)) > 0) {
		console_feed(&s->console, block, (size_t)got);
		s->heard_ms = now;
	}
}

/* Reports every note, unlike progress: for example packages that the release lacks. */
static void say_notes(struct installation *s)
{
	char *rest, *note;

	if (!s->console.notes.len)
		return;
	for (note = strtok_r(s->console.notes.text, "\n", &rest); note; note = strtok_r(NULL, "\n", &rest))
		s->env->line(s->env->line_ctx, note);
	strbuf_truncate(&s->console.notes, 0);
}

static void note_activity(struct installation *s, int64_t now)
{
	struct stat st;

	if (stat(s->disk, &st))
		st.st_blocks = s->blocks;
	if (s->console.news != s->news || st.st_blocks != s->blocks) {
		s->news = s->console.news;
		s->blocks = st.st_blocks;
		s->news_ms = now;
	}
	say_notes(s);
	if (now - s->said_ms >= SAY_MS && strcmp(s->said, s->console.progress) != 0) {
		memcpy(s->said, s->console.progress, sizeof s->said);
		s->said_ms = now;
		s->env->line(s->env->line_ctx, s->said);
	}
}

/* Detects an installation that has failed. */
static int judge(struct installation *s, bool ended, int64_t now, struct fail *e)
{
	static const char *const what[] = {
		[CONSOLE_ASKS] = "the installer asks a question (below), and nobody is there to answer",
		[CONSOLE_FAILS] = "the installer failed (below)",
		[CONSOLE_PANICS] = "the kernel of the medium panicked",
		[CONSOLE_STARTS_OVER] = "the machine rebooted into the installer: it runs in a loop",
		[CONSOLE_HALTS] = "the installer stopped the system and did not switch the machine off",
		[CONSOLE_RESTARTS] = "the installer restarted the machine instead of switching it off",
	};
	int64_t stands_ms = s->i->quiet_ms / 10 < STANDS_MS ? s->i->quiet_ms / 10 : STANDS_MS;
	enum console_state state = s->console.state;

	if (ended && state == CONSOLE_OFF)
		return 0;
	if (state != CONSOLE_RUNS && state != CONSOLE_OFF && (ended || now - s->heard_ms >= stands_ms))
		return fail(e, FAIL_OTHER, "%s", what[state]);
	if (ended)
		return fail(e, FAIL_OTHER, "the machine ended before its installer had switched it off");
	if (now - s->news_ms >= s->i->quiet_ms)
		return fail(e, FAIL_TIMEOUT, "the installer hangs or runs in a loop: for %lld minutes there was no new output on its "
			    "console, and the disk did not grow", (long long)(s->i->quiet_ms / 60000));
	if (clock_left_ms(s->env->deadline_ms) == 0)
		return fail(e, FAIL_TIMEOUT, "the installation timed out");
	if (s->env->cancel && atomic_load(s->env->cancel))
		return fail(e, FAIL_CANCELED, "canceled");
	return 0;
}

static int watch(struct installation *s, struct machine *m, struct fail *e)
{
	auto_(close) int fd = open(s->log, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "%s", s->log);
	s->heard_ms = s->news_ms = clock_now_ms();
	for (;;) {
		bool ended = atomic_load(&m->ended); /* read before the last check of the console, so that no output is missed */
		int64_t now = clock_now_ms();

		hear(s, fd, now);
		note_activity(s, now);
		if (ended && m->status)
			return -1; /* QEMU itself failed: see m->e */
		if (judge(s, ended, now, e))
			return -1;
		if (ended)
			return 0;
		clock_sleep_ms(TICK_MS);
	}
}

/* Adds the end of the installer's own log, which may say more than the console. */
static void add_evidence(struct installation *s, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	auto_(free) char *more = file_tail(s->syslog, 5);
	struct fail tail = { 0 };

	if (e->code == FAIL_CANCELED)
		return;
	strbuf_str(&text, strbuf_text(&s->console.text));
	if (s->console.line.len)
		strbuf_printf(&text, "%s\n", s->console.line.text);
	fail_evidence(&tail, text.text, 14);
	strbuf_truncate(&text, 0);
	strbuf_printf(&text, "%s%s%s", tail.evidence, *more ? "\n" : "", more);
	fail_evidence(e, text.text, 20);
	fail_next(e, "less %s", s->log);
}

static int run(struct installation *s, struct arena *a, struct fail *e)
{
	struct machine m = { .proc = { .argv = machine_argv(s, a), .deadline_ms = CLOCK_NEVER, .cancel = &m.stop } };
	pthread_t thread;
	int r;

	if (file_write(s->log, "", 0, 0600, e) || file_write(s->syslog, "", 0, 0600, e))
		return -1;
	if (pthread_create(&thread, NULL, run_machine, &m))
		return fail(e, FAIL_OTHER, "cannot start a thread");
	r = watch(s, &m, e);
	atomic_store(&m.stop, true);
	pthread_join(thread, NULL);
	if (r == 0)
		return 0;
	if (m.status && m.e.code != FAIL_CANCELED)
		*e = m.e;
	else
		add_evidence(s, e);
	return -1;
}

/* --- before and after --- */

static int prepare(struct installation *s, struct fail *e)
{
	int64_t space = file_space_bytes(s->env->cache_dir);
	auto_(close) int disk = -1;

	if (space >= 0 && space < NEEDS_BYTES)
		return fail(e, FAIL_HOST, "%s has %lld MiB left, an installation needs %lld", s->env->cache_dir,
			    (long long)space >> 20, NEEDS_BYTES >> 20);
	/* 0700: the answers may contain a password hash */
	if (file_mkdirs(s->dir, 0700, e))
		return -1;
	disk = open(s->disk, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (disk < 0 || ftruncate(disk, (off_t)(s->i->disk_gib << 30)))
		return fail_errno(e, FAIL_OTHER, "%s", s->disk);
	return medium_prepare(s->i->release, s->i->media, s->i->files, s->i->file_count, s->dir, s->env->cancel,
			      s->env->deadline_ms, e);
}

static int install(struct installation *s, struct arena *a, struct image *ret_image, struct fail *e)
{
	const struct release *r = s->i->release;
	const struct image_about about = {
		.name = s->i->name, .release = r->name, .family = r->family->name, .source = s->i->media,
		.source_sha256 = s->i->media_sha256, .boot = "bios", .seed = "labctl",
	};

	if (prepare(s, e) || run(s, a, e))
		return -1;
	s->env->line(s->env->line_ctx, "installed; checking the disk");
	if (generalize_check(s->disk, s->env, e))
		return -1;
	return image_store_disk(s->env, s->disk, "raw", &about, a, ret_image, e);
}

int install_image(const struct image_env *env, const struct installer *i, struct arena *a, struct image *ret_image,
		  struct fail *e)
{
	struct installation s = { .env = env, .i = i, .dir = cache_path(env->cache_dir, CACHE_IMAGE_INSTALL, i->name, a),
				  .log = cache_path(env->cache_dir, CACHE_INSTALL_LOG, i->name, a),
				  .syslog = cache_path(env->cache_dir, CACHE_INSTALL_SYSLOG, i->name, a) };
	struct fail ignored = { 0 };
	auto_(close) int lock = -1;
	int r;

	s.disk = arena_printf(a, "%s/disk.raw", s.dir);
	if (medium_check(i->release, i->media, e) ||
	    cache_lock_image(env->cache_dir, i->name, "image install", env->deadline_ms, &lock, e))
		return -1;
	/* The lock is held: whatever is there was left by a killed installation. */
	r = file_remove_tree(s.dir, e) ? -1 : install(&s, a, ret_image, e);
	file_remove_tree(s.dir, &ignored);
	console_clear(&s.console);
	return r ? fail_wrap(e, "image '%s'", i->name) : 0;
}
