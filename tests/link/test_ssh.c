/* SPDX-License-Identifier: PostgreSQL */
/* link/ssh.h against a private sshd on 127.0.0.1. */
#include "test.h"

#include <pthread.h>

#include "digest.h"
#include "inventory.h"
#include "private_server.h"
#include "ssh.h"
#include "traced.h"

static struct private_sshd sshd;

static struct ssh_target target(void)
{
	return (struct ssh_target){ .node = "node3", .ip = "127.0.0.1", .port = sshd.port, .user = sshd.user,
				    .private_key = sshd.user_key, .host_key = sshd.host_pub };
}

static struct ssh *open_session(void)
{
	struct ssh_target t = target();
	struct fail e = { 0 };
	struct ssh *s = NULL;

	assert_ok(ssh_open(&t, clock_after_ms(20000), &s, &e), e);
	return s;
}

static int run(struct ssh *s, const char *command, struct strbuf *out, struct strbuf *err)
{
	struct ssh_run r = { .command = command, .out = out, .err = err, .deadline_ms = clock_after_ms(120000) };
	struct fail e = { 0 };
	int status = -1;

	assert_ok(ssh_run(s, &r, &status, &e), e);
	return status;
}

static int group_setup(void **state)
{
	struct ssh_target t;
	struct fail e = { 0 };
	struct ssh *s = NULL;

	(void)state;
	private_sshd_prepare(&sshd);
	private_sshd_start(&sshd);
	t = target();
	if (ssh_wait(&t, 3000, 0, clock_after_ms(20000), &s, &e) < 0)
		private_die("%s", e.text);
	ssh_close(s);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	private_sshd_remove(&sshd);
	return 0;
}

/* An sshd with only RSA keys that logs what clients propose; @algorithms is appended to its configuration. */
static void start_rsa_sshd(struct private_sshd *d, const char *algorithms)
{
	auto_(strbuf_clear) struct strbuf conf = { 0 }, pub = { 0 };
	char path[PRIVATE_PATH + 32];
	struct fail e = { 0 };

	if (!d->port) {
		private_tmpdir(d->dir);
		d->port = private_port();
		d->user = sshd.user;
		snprintf(d->user_key, sizeof(d->user_key), "%s/user", d->dir);
		snprintf(path, sizeof(path), "%s/host", d->dir);
		private_run((const char *const[]){ "ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", d->user_key, NULL });
		private_run((const char *const[]){ "ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", path, NULL });
		snprintf(path, sizeof(path), "%s/host.pub", d->dir);
		assert_ok(file_read(path, 4096, &pub, &e), e);
		d->host_pub = strbuf_steal(&pub);
	}
	strbuf_printf(&conf,
		      "ListenAddress 127.0.0.1\nPort %u\nHostKey %s/host\nPidFile none\nAuthorizedKeysFile %s.pub\n"
		      "StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nLogLevel DEBUG2\n%s",
		      d->port, d->dir, d->user_key, algorithms);
	snprintf(path, sizeof(path), "%s/sshd_config", d->dir);
	private_write(path, 0600, strbuf_text(&conf));
	snprintf(path, sizeof(path), "%s/sshd.log", d->dir);
	private_write(path, 0600, "");
	private_sshd_start(d);
}

static struct ssh_target rsa_target(const struct private_sshd *d, const struct ssh_algorithms *algorithms)
{
	return (struct ssh_target){ .node = "node3", .ip = "127.0.0.1", .port = d->port, .user = d->user,
				    .private_key = d->user_key, .host_key = d->host_pub, .algorithms = algorithms };
}

/* Each algorithm of a 2006 server works for nodes whose family names it, and for no others. */
static void old_nodes_with_old_algorithms(void **state)
{
	static const char *const kex[] = { "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1" };
	static const char *const ciphers[] = { "aes128-cbc", "3des-cbc", "aes128-ctr" };
	struct private_sshd old = { 0 };
	struct fail e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kex) * ARRAY_COUNT(ciphers); i++) {
		auto_(strbuf_clear) struct strbuf lines = { 0 };
		auto_(ssh_close) struct ssh *s = NULL, *refused = NULL;
		struct ssh_target t;

		strbuf_printf(&lines, "KexAlgorithms %s\nCiphers %s\nMACs hmac-sha1\nHostKeyAlgorithms ssh-rsa\n"
			      "PubkeyAcceptedAlgorithms ssh-rsa\n", kex[i % 2], ciphers[i / 2]);
		start_rsa_sshd(&old, strbuf_text(&lines));
		t = rsa_target(&old, families[i % 2 ? FAMILY_EL5 : FAMILY_EL6].ssh);
		assert_ok(ssh_wait(&t, 3000, 0, clock_after_ms(20000), &s, &e), e);
		assert_int_equal(run(s, "exit 7", NULL, NULL), 7);
		t.algorithms = families[FAMILY_EL7PLUS].ssh;
		assert_int_equal(ssh_open(&t, clock_after_ms(10000), &refused, &e), -1);
		assert_has(e.text, "no algorithm in common");
		private_stop(&old.pid, SIGTERM);
	}
	private_sshd_remove(&old);
}

/* OpenSSH with the ssh_config that labctl writes can log in to them, too. */
static void ssh_config_has_the_old_algorithms(void **state)
{
	static const char yaml[] = "lab: x\nimage: {source: /a.img, seed: labctl, release: el5}\nnetwork: {subnet: 10.88.0.0/24}\n";
	auto_(arena_free) struct arena *a = arena_new();
	auto_(lab_free) struct lab *lab = NULL;
	struct private_sshd old = { 0 };
	const char *config, *known;
	struct inventory inv;
	struct fail e = { 0 };
	int status = -1;

	(void)state;
	assert_ok(lab_parse(yaml, sizeof yaml - 1, "test.yaml", NULL, &lab, &e), e);
	start_rsa_sshd(&old, "KexAlgorithms diffie-hellman-group1-sha1\nCiphers 3des-cbc\nMACs hmac-sha1\n"
			     "HostKeyAlgorithms ssh-rsa\nPubkeyAcceptedAlgorithms ssh-rsa\n");
	config = arena_printf(a, "%s/config", old.dir);
	known = arena_printf(a, "%s/known", old.dir);
	private_write(known, 0600, arena_printf(a, "node1 %s\n", old.host_pub));
	inventory_make(lab, &(struct inventory_where){ old.dir, old.user_key, known }, a, &inv);
	for (const struct inventory_format *f = inventory_formats; f->name; f++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };

		if (strcmp(f->name, "ssh_config") != 0)
			continue;
		f->print(&inv, &text);
		private_write(config, 0600, strbuf_text(&text));
	}
	for (int with = 1; with >= 0; with--) {
		const char *const argv[] = { "ssh", "-F", with ? config : "none", "-o", "HostKeyAlias=node1",
					     "-o", arena_printf(a, "UserKnownHostsFile=%s", known), "-i", old.user_key,
					     "-o", "BatchMode=yes", "-o", "HostName=127.0.0.1",
					     "-p", arena_printf(a, "%u", old.port), "-l", old.user, "node1", "exit 7", NULL };

		for (int64_t deadline = clock_after_ms(60000); status != (with ? 7 : 255) && clock_left_ms(deadline) > 0;)
			assert_ok(proc_run(&(struct proc){ .argv = argv, .deadline_ms = deadline }, &status, &e), e);
		assert_int_equal(status, with ? 7 : 255);
	}
	private_sshd_remove(&old);
}

/* What labctl proposes to current nodes, from sshd's log, where the server's proposal comes first. */
static void new_nodes_are_offered_nothing_old(void **state)
{
	static const char *const old_words[] = { "sha1", "cbc" };
	struct private_sshd new = { 0 };
	char path[PRIVATE_PATH + 32];
	struct fail e = { 0 };

	(void)state;
	for (int old = 0; old < 2; old++) {
		auto_(strbuf_clear) struct strbuf log = { 0 };
		struct ssh *s = NULL;
		struct ssh_target t;
		const char *heard;
		char *end;

		start_rsa_sshd(&new, old ? "KexAlgorithms +diffie-hellman-group14-sha1\nHostKeyAlgorithms +ssh-rsa\n"
					   "PubkeyAcceptedAlgorithms +ssh-rsa\n"
					 : "HostKeyAlgorithms +ssh-rsa\nPubkeyAcceptedAlgorithms +ssh-rsa\n");
		t = rsa_target(&new, families[old ? FAMILY_EL5 : FAMILY_DEBIAN].ssh);
		assert_ok(ssh_wait(&t, 3000, 0, clock_after_ms(20000), &s, &e), e);
		ssh_close(s);
		private_stop(&new.pid, SIGTERM);
		snprintf(path, sizeof(path), "%s/sshd.log", new.dir);
		assert_ok(file_read(path, 1 << 20, &log, &e), e);
		heard = strstr(strbuf_text(&log), "peer client KEXINIT proposal");
		assert_non_null(heard);
		end = strstr(heard, "compression");
		assert_non_null(end);
		*end = '\0';
		for (size_t i = 0; i < ARRAY_COUNT(old_words); i++)
			assert_int_equal(!!strstr(heard, old_words[i]), old);
	}
	private_sshd_remove(&new);
}

static void session_runs_commands(void **state)
{
	auto_(ssh_close) struct ssh *s = open_session();
	auto_(strbuf_clear) struct strbuf out = { 0 }, err = { 0 };

	(void)state;
	assert_int_equal(run(s, "echo out; echo err >&2; exit 7", &out, &err), 7);
	assert_string_equal(strbuf_text(&out), "out\n");
	assert_string_equal(strbuf_text(&err), "err\n");
	assert_int_equal(run(s, "true", NULL, NULL), 0);
	assert_true(ssh_alive(s, clock_after_ms(5000)));
	assert_int_equal(run(s, "exit 255", NULL, NULL), 255);
}

static void a_signal_is_no_success(void **state)
{
	auto_(ssh_close) struct ssh *s = open_session();

	(void)state;
	assert_int_equal(run(s, "kill -KILL $$", NULL, NULL), 128 + SIGKILL);
	assert_int_equal(run(s, "kill -TERM $$", NULL, NULL), 128 + SIGTERM);
	assert_int_equal(run(s, "ulimit -c 0; kill -SEGV $$", NULL, NULL), 128 + SIGSEGV);
	assert_int_equal(run(s, "true", NULL, NULL), 0);
}

static void wrong_host_key_names_both(void **state)
{
	struct ssh_target t = target();
	struct fail e = { 0 };
	struct ssh *s = NULL;
	const char *first;
	int64_t started_ms;

	(void)state;
	t.host_key = sshd.other_pub;
	assert_int_equal(ssh_open(&t, clock_after_ms(10000), &s, &e), -1);
	assert_int_equal(e.code, FAIL_SSH);
	assert_has(e.text, "node node3 (127.0.0.1): ssh: host key: changed");
	first = strstr(e.text, "SHA256:");
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "SHA256:"));
	assert_has(e.next, "accept");
	assert_null(s);
	started_ms = clock_now_ms();
	assert_int_equal(ssh_wait(&t, 3000, 500, clock_after_ms(20000), &s, &e), -1);
	assert_has(e.text, "host key: changed");
	assert_in_range(clock_now_ms() - started_ms, 500, 10000);
}

static void wrong_user_key_is_refused(void **state)
{
	struct ssh_target t = target();
	struct fail e = { 0 };
	struct ssh *s = NULL;

	(void)state;
	t.private_key = sshd.wrong_key;
	assert_int_equal(ssh_wait(&t, 3000, 0, clock_after_ms(20000), &s, &e), -1);
	assert_int_equal(e.code, FAIL_SSH);
	assert_has(e.text, "authenticate: the node refused the lab's key");
	t.private_key = "/nonexistent/key";
	assert_int_equal(ssh_open(&t, clock_after_ms(5000), &s, &e), -1);
	assert_has(e.text, "/nonexistent/key");
	t = target();
	t.ip = "node3.example";
	assert_int_equal(ssh_wait(&t, 3000, 0, clock_after_ms(5000), &s, &e), -1);
	assert_int_equal(e.code, FAIL_OTHER);
}

static void refused_port(void **state)
{
	struct ssh_target t = target();
	struct fail e = { 0 };
	struct ssh *s = NULL;
	int64_t started_ms = clock_now_ms();

	(void)state;
	t.port = private_port();
	assert_int_equal(ssh_open(&t, clock_after_ms(5000), &s, &e), -1);
	assert_int_equal(e.code, FAIL_SSH);
	assert_has(e.text, "connect: Connection refused");
	assert_in_range(clock_now_ms() - started_ms, 0, 4900);
	started_ms = clock_now_ms();
	assert_int_equal(ssh_wait(&t, 3000, 0, clock_after_ms(700), &s, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_has(e.text, "Connection refused");
	assert_in_range(clock_now_ms() - started_ms, 650, 10000);
}

static void blackholes_end_at_the_deadline(void **state)
{
	struct ssh_target t = target();
	struct fail e = { 0 };
	struct ssh *s = NULL;
	int64_t started_ms = clock_now_ms();
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = private_listen(1, &t.port), filler[8];

	(void)state;
	/* The kernel accepts the connection, but nothing answers. */
	assert_int_equal(ssh_open(&t, clock_after_ms(400), &s, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_has(e.text, "handshake: no answer after ");
	assert_in_range(clock_now_ms() - started_ms, 390, 10000);
	/* A full backlog: the kernel drops packets, so there is no connection. */
	address.sin_port = htons((uint16_t)t.port);
	for (size_t i = 0; i < ARRAY_COUNT(filler); i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(filler[i], (struct sockaddr *)&address, sizeof(address));
	}
	assert_int_equal(ssh_open(&t, clock_after_ms(400), &s, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_has(e.text, "connect: no answer after ");
	for (size_t i = 0; i < ARRAY_COUNT(filler); i++)
		close(filler[i]);
	close(fd);
}

static void big_output_arrives_whole(void **state)
{
	auto_(ssh_close) struct ssh *s = open_session();
	auto_(strbuf_clear) struct strbuf out = { 0 }, err = { 0 };
	struct ssh_run r = { .command = "head -c 20000000 /dev/zero", .deadline_ms = clock_after_ms(120000) };
	struct fail e = { 0 };
	int status;

	(void)state;
	assert_int_equal(run(s, "head -c 12000000 /dev/zero | tr '\\0' x", &out, NULL), 0);
	assert_int_equal(out.len, 12000000);
	assert_int_equal(strspn(out.text, "x"), 12000000);
	strbuf_clear(&out);
	/* Both streams at once, and one that the caller ignores. */
	assert_int_equal(run(s, "head -c 5000000 /dev/zero >&2 & head -c 5000000 /dev/zero; wait; echo end", &out, &err), 0);
	assert_int_equal(out.len, 5000004);
	assert_int_equal(err.len, 5000000);
	assert_int_equal(run(s, "head -c 5000000 /dev/zero >&2; echo end", NULL, NULL), 0);
	assert_int_equal(ssh_run(s, &r, &status, &e), -1);
	assert_int_equal(e.code, FAIL_SSH);
	assert_has(e.text, "16 MiB");
	assert_int_equal(ssh_run(s, &r, &status, &e), -1);
	assert_has(e.text, "earlier failure");
}

static void script_of_1_mb_on_stdin(void **state)
{
	auto_(ssh_close) struct ssh *s = open_session();
	auto_(strbuf_clear) struct strbuf script = { 0 }, out = { 0 };
	struct ssh_run r = { .command = "sh -s", .out = &out, .deadline_ms = clock_after_ms(30000) };
	struct fail e = { 0 };
	int status = -1;

	(void)state;
	strbuf_str(&script, "n=0\n");
	for (int i = 0; script.len < 1000000; i++)
		strbuf_printf(&script, "n=$((n + 1)) # line %d %060d\n", i, i);
	strbuf_str(&script, "echo $n\nexit 3\n");
	r.input = script.text;
	r.input_len = script.len;
	assert_ok(ssh_run(s, &r, &status, &e), e);
	assert_int_equal(status, 3);
	assert_true(atoi(strbuf_text(&out)) > 10000);
	/* A command that ignores its input, and one that reads all of it. */
	r.command = "true";
	assert_ok(ssh_run(s, &r, &status, &e), e);
	assert_int_equal(status, 0);
	strbuf_truncate(&out, 0);
	r.command = "cat";
	assert_ok(ssh_run(s, &r, &status, &e), e);
	assert_int_equal(out.len, script.len);
	assert_memory_equal(out.text, script.text, out.len);
}

static void collect_line(void *ctx, const char *line)
{
	strbuf_printf(ctx, "[%s]", line);
}

static void lines_as_they_come(void **state)
{
	auto_(ssh_close) struct ssh *s = open_session();
	auto_(strbuf_clear) struct strbuf lines = { 0 };
	struct ssh_run r = { .command = "printf 'a\\nb'; sleep 0.1; printf 'c\\n\\nlast'", .line = collect_line,
			     .line_ctx = &lines, .deadline_ms = clock_after_ms(10000) };
	struct fail e = { 0 };
	int status = -1;

	(void)state;
	assert_ok(ssh_run(s, &r, &status, &e), e);
	assert_string_equal(strbuf_text(&lines), "[a][bc][][last]");
}

static void timeout_while_running(void **state)
{
	struct fail e = { 0 };

	(void)state;
	/* On a busy host the deadline may pass before the command prints anything: try again with a later one. */
	for (int64_t ms = 2000; ms < 40000 && !strstr(e.evidence, "trouble"); ms *= 2) {
		auto_(ssh_close) struct ssh *s = open_session();
		auto_(strbuf_clear) struct strbuf out = { 0 };
		struct ssh_run r = { .command = "echo begun; echo trouble >&2; sleep 90", .out = &out,
				     .deadline_ms = clock_after_ms(ms) };
		int64_t started_ms = clock_now_ms();
		int status = -1;

		assert_int_equal(ssh_run(s, &r, &status, &e), -1);
		assert_int_equal(e.code, FAIL_TIMEOUT);
		assert_has(e.text, "ssh: run: the command timed out after ");
		assert_int_equal(status, -1);
		assert_false(ssh_alive(s, clock_after_ms(1000)));
		ssh_close(steal(s));
		/* Neither call waits for the command to end. */
		assert_in_range(clock_now_ms() - started_ms, ms - 10, 80000);
	}
	assert_has(e.evidence, "trouble");
}

static void sshd_killed_in_the_middle(void **state)
{
	auto_(ssh_close) struct ssh *s = open_session();
	struct ssh_run r = { .command = "kill -9 $PPID; sleep 30", .deadline_ms = clock_after_ms(60000) };
	struct fail e = { 0 };
	int status = -1;
	int64_t started_ms = clock_now_ms();

	(void)state;
	assert_int_equal(ssh_run(s, &r, &status, &e), -1);
	assert_int_equal(e.code, FAIL_SSH);
	assert_has(e.text, "ssh: run: ");
	assert_in_range(clock_now_ms() - started_ms, 0, 25000);
}

struct later {
	int64_t after_ms;
	atomic_bool cancel;
};

static void *cancel_later(void *ctx)
{
	struct later *l = ctx;

	clock_sleep_ms(l->after_ms);
	atomic_store(&l->cancel, true);
	return NULL;
}

static void cancel_is_quick(void **state)
{
	struct later l = { .after_ms = 300 };
	struct ssh_target t = target();
	struct ssh_run r = { .command = "sleep 20", .deadline_ms = clock_after_ms(20000) };
	auto_(ssh_close) struct ssh *s = NULL;
	struct fail e = { 0 };
	int status = -1;
	int64_t started_ms;
	pthread_t thread;

	(void)state;
	t.cancel = &l.cancel;
	assert_ok(ssh_open(&t, clock_after_ms(10000), &s, &e), e);
	started_ms = clock_now_ms();
	pthread_create(&thread, NULL, cancel_later, &l);
	assert_int_equal(ssh_run(s, &r, &status, &e), -1);
	pthread_join(thread, NULL);
	assert_int_equal(e.code, FAIL_CANCELED);
	assert_in_range(clock_now_ms() - started_ms, 290, 10000);
	t.port = private_port();
	started_ms = clock_now_ms();
	assert_int_equal(ssh_wait(&t, 3000, 0, clock_after_ms(20000), &s, &e), -1);
	assert_int_equal(e.code, FAIL_CANCELED);
	assert_in_range(clock_now_ms() - started_ms, 0, 10000);
}

static void *start_later(void *ctx)
{
	clock_sleep_ms(700);
	private_sshd_start(ctx);
	clock_sleep_ms(3000); /* the child dies with the thread that forked it */
	return NULL;
}

static void wait_for_a_node_that_boots(void **state)
{
	struct ssh_target t = target();
	struct private_sshd late = sshd;
	struct fail e = { 0 };
	struct ssh *s = NULL;
	pthread_t thread;
	int64_t started_ms = clock_now_ms();

	(void)state;
	private_stop(&sshd.pid, SIGTERM);
	pthread_create(&thread, NULL, start_later, &late);
	assert_ok(ssh_wait(&t, 3000, 0, clock_after_ms(20000), &s, &e), e);
	assert_in_range(clock_now_ms() - started_ms, 600, 10000);
	ssh_close(s);
	pthread_join(thread, NULL);
	private_stop(&late.pid, SIGTERM);
	private_sshd_start(&sshd);
	assert_ok(ssh_wait(&t, 3000, 0, clock_after_ms(20000), &s, &e), e);
	ssh_close(s);
}

#define BUSY_MS 120000 /* eight logins at once, on a busy host, under the thread sanitizer */

/* One of eight: @ctx is a struct fail, empty if all went well. */
static void *work(void *ctx)
{
	struct ssh_target t = target();
	struct fail *e = ctx;
	auto_(ssh_close) struct ssh *s = NULL;
	int status = -1;

	if (ssh_wait(&t, BUSY_MS, 0, clock_after_ms(BUSY_MS), &s, e) < 0)
		return NULL;
	for (int i = 0; i < 5; i++) {
		auto_(strbuf_clear) struct strbuf out = { 0 };
		struct ssh_run r = { .command = "cat; seq 1000", .input = "x\n", .input_len = 2, .out = &out,
				     .deadline_ms = clock_after_ms(BUSY_MS) };

		if (ssh_run(s, &r, &status, e) < 0)
			return NULL;
		if (status || out.len != 2 + 3893) {
			fail(e, FAIL_REMOTE, "status %d, %zu bytes", status, out.len);
			return NULL;
		}
	}
	return NULL;
}

static void eight_sessions_in_eight_threads(void **state)
{
	pthread_t threads[8];
	struct fail failures[8] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		pthread_create(&threads[i], NULL, work, &failures[i]);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		assert_string_equal(failures[i].text, "");
}

static void a_trace_has_programs_and_times_only(void **state)
{
	struct ssh_run r = { .command = "sh -s hunter2", .input = "exit 7 # hunter2", .input_len = 16,
			     .deadline_ms = clock_after_ms(30000) };
	struct ssh_target t = target(), closed = target();
	auto_(ssh_close) struct ssh *s = NULL;
	struct fail e = { 0 };
	int status;

	(void)state;
	closed.port = 1;
	traced_begin("ssh");
	assert_ok(ssh_open(&t, clock_after_ms(20000), &s, &e), e);
	assert_ok(ssh_run(s, &r, &status, &e), e);
	assert_int_equal(ssh_open(&closed, clock_after_ms(20000), &(struct ssh *){ NULL }, &e), -1);
	traced_end();
	assert_has(strbuf_text(&traced), " ssh > node3: connect to 127.0.0.1:");
	assert_has(strbuf_text(&traced), ": done; ");
	assert_has(strbuf_text(&traced), " ssh > node3: run sh, 16 bytes of input\n");
	assert_has(strbuf_text(&traced), " ssh < node3: run sh, 16 bytes of input: status 7; ");
	assert_has(strbuf_text(&traced), " ssh < node3: connect to 127.0.0.1:1: failed (SSH, refused); ");
	assert_null(strstr(strbuf_text(&traced), "hunter2"));
	strbuf_clear(&traced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_runs_commands),
		cmocka_unit_test(old_nodes_with_old_algorithms),
		cmocka_unit_test(ssh_config_has_the_old_algorithms),
		cmocka_unit_test(new_nodes_are_offered_nothing_old),
		cmocka_unit_test(a_signal_is_no_success),
		cmocka_unit_test(wrong_host_key_names_both),
		cmocka_unit_test(wrong_user_key_is_refused),
		cmocka_unit_test(refused_port),
		cmocka_unit_test(blackholes_end_at_the_deadline),
		cmocka_unit_test(big_output_arrives_whole),
		cmocka_unit_test(script_of_1_mb_on_stdin),
		cmocka_unit_test(lines_as_they_come),
		cmocka_unit_test(timeout_while_running),
		cmocka_unit_test(sshd_killed_in_the_middle),
		cmocka_unit_test(cancel_is_quick),
		cmocka_unit_test(wait_for_a_node_that_boots),
		cmocka_unit_test(eight_sessions_in_eight_threads),
		cmocka_unit_test(a_trace_has_programs_and_times_only),
	};

	return cmocka_run_group_tests_name("link/ssh", tests, group_setup, group_teardown);
}
