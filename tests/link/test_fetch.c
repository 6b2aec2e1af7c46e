/* SPDX-License-Identifier: PostgreSQL */
/* link/fetch.h against a small HTTP server on 127.0.0.1 whose behaviour depends on the path. */
#include "test.h"

#include <ctype.h>

#include "digest.h"
#include "fetch.h"
#include "private_server.h"

#define SIZE 300000

static char dir[PRIVATE_PATH], cache[PRIVATE_PATH + 16];
static char body[SIZE], sha256[DIGEST_HEX];
static unsigned port;
static pid_t server;

/* --- the server --- */

static void send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static void answer(int fd)
{
	char request[4096] = "", head[512];
	const char *range, *condition;
	size_t len = 0, from = 0, until = SIZE;
	ssize_t n;
	bool redirect, plain, partial;

	while (!strstr(request, "\r\n\r\n") && len < sizeof request - 1 &&
	       (n = recv(fd, request + len, sizeof request - 1 - len, 0)) > 0)
		request[len += (size_t)n] = '\0';
	redirect = strstr(request, "GET /redirect") == request;
	if (redirect || strstr(request, "GET /evil") == request) {
		snprintf(head, sizeof head, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
			 redirect ? "/range/a.tar" : "file:///etc/passwd");
		send_all(fd, head, strlen(head));
		return;
	}
	if (strstr(request, "GET /missing") == request) {
		snprintf(head, sizeof head, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
		send_all(fd, head, strlen(head));
		return;
	}
	if (strstr(request, "GET /silent") == request) {
		sleep(60);
		return;
	}
	plain = strstr(request, "GET /plain") == request;
	range = strcasestr(request, "\r\nRange: bytes=");
	condition = strcasestr(request, "\r\nIf-Range: ");
	if (range && !plain && (!condition || strstr(condition, "\"one\"")))
		from = strtoul(strchr(range, '=') + 1, NULL, 10);
	partial = from != 0;
	if (from >= SIZE) {
		snprintf(head, sizeof head, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
		send_all(fd, head, strlen(head));
		return;
	}
	/* the connection breaks after a third of the rest, once or always */
	if (strstr(request, "GET /cut") == request && from < SIZE / 2)
		until = from + (SIZE - from) / 3;
	snprintf(head, sizeof head,
		 "HTTP/1.1 %s\r\nETag: \"one\"\r\nContent-Length: %zu\r\nContent-Range: bytes %zu-%d/%d\r\n\r\n",
		 partial ? "206 Partial Content" : "200 OK", SIZE - from, from, SIZE - 1, SIZE);
	if (!partial)
		snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nContent-Length: %d\r\n\r\n", SIZE);
	send_all(fd, head, strlen(head));
	send_all(fd, body + from, until - from);
}

static int group_setup(void **state)
{
	int listener = private_listen(16, &port);
	pid_t test = getpid();

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		body[i] = (char)(i * 7 + i / 251);
	digest_text(body, SIZE, sha256);
	private_tmpdir(dir);
	snprintf(cache, sizeof cache, "%s/cache", dir);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		while (getppid() == test) {
			int fd = accept(listener, NULL, NULL);

			if (fork() == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				answer(fd);
				shutdown(fd, SHUT_WR);
				_exit(0);
			}
			close(fd);
		}
		_exit(0);
	}
	close(listener);
	return 0;
}

static int group_teardown(void **state)
{
	struct fail e = { 0 };

	(void)state;
	private_stop(&server, SIGKILL);
	return file_remove_tree(dir, &e);
}

/* --- the tests --- */

struct got {
	int64_t first, last, total;
	unsigned calls;
};

static void on_progress(void *ctx, int64_t done, int64_t total)
{
	struct got *g = ctx;

	if (!g->calls++)
		g->first = done;
	g->last = done;
	g->total = total;
}

/* The path of a URL's download: CACHE/downloads/DIGEST12-NAME. */
static const char *place(struct arena *a, const char *url)
{
	char id[DIGEST_HEX];

	digest_text(url, strlen(url), id);
	return arena_printf(a, "%s/downloads/%.12s-%s", cache, id, strrchr(url, '/') + 1);
}

static const char *url(struct arena *a, const char *path)
{
	return arena_printf(a, "http://127.0.0.1:%u%s", port, path);
}

static void check(const char *path, const char *digest)
{
	struct fail e = { 0 };
	char found[DIGEST_HEX];

	assert_ok(digest_file(path, found, &e), e);
	assert_string_equal(found, sha256);
	assert_string_equal(digest, sha256);
}

static void comes_once(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct got got = { 0 };
	struct fetch f = { .source = url(a, "/redirect/a.tar"), .sha256 = sha256, .cache_dir = cache, .progress = on_progress,
			   .ctx = &got, .deadline_ms = clock_after_ms(20000) };
	struct fail e = { 0 };
	const char *path;
	char digest[65];

	(void)state;
	assert_ok(fetch_archive(&f, a, &path, digest, &e), e);
	check(path, digest);
	assert_int_equal(got.last, SIZE);
	assert_int_equal(got.total, SIZE);
	got.calls = 0;
	assert_ok(fetch_archive(&f, a, &path, digest, &e), e);
	assert_int_equal(got.calls, 0);
}

/* A part of the file is already there. @tag is the server's tag of it. */
static void resume(const char *path, const char *tag, const char *wanted, size_t part_bytes, bool resumes)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct got got = { 0 };
	struct fetch f = { .source = url(a, path), .sha256 = wanted, .cache_dir = cache, .progress = on_progress, .ctx = &got,
			   .deadline_ms = clock_after_ms(20000) };
	const char *file = place(a, f.source), *result;
	struct fail e = { 0 };
	char digest[65];

	assert_ok(file_mkdirs(arena_printf(a, "%s/downloads", cache), 0755, &e), e);
	assert_ok(file_write(arena_printf(a, "%s.part", file), body, part_bytes, 0644, &e), e);
	if (tag)
		private_write(arena_printf(a, "%s.part.tag", file), 0644, tag);
	assert_ok(fetch_archive(&f, a, &result, digest, &e), e);
	check(result, digest);
	assert_string_equal(result, file);
	assert_false(file_exists(arena_printf(a, "%s.part", file)));
	assert_false(file_exists(arena_printf(a, "%s.part.tag", file)));
	if (part_bytes == SIZE)
		assert_int_equal(got.last, 0);
	else if (resumes)
		assert_true(got.first >= (int64_t)part_bytes);
	else
		assert_int_equal(got.last, SIZE);
}

static void parts_are_resumed_when_vouched_for(void **state)
{
	(void)state;
	resume("/range/digest.tar", NULL, sha256, 100000, true);
	resume("/range/tag.tar", "\"one\"", NULL, 100000, true);
	resume("/range/changed.tar", "\"zero\"", NULL, 100000, false);
	resume("/range/nothing.tar", NULL, NULL, 100000, false);
	resume("/plain/ignores-range.tar", NULL, sha256, 100000, false);
	resume("/range/complete.tar", NULL, sha256, SIZE, false);
}

static void broken_connections_are_taken_up_again(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct fetch f = { .source = url(a, "/cut/a.tar"), .cache_dir = cache, .deadline_ms = clock_after_ms(30000) };
	struct fail e = { 0 };
	const char *path;
	char digest[65];

	(void)state;
	assert_ok(fetch_archive(&f, a, &path, digest, &e), e);
	check(path, digest);
}

static void wrong(const char *source, const char *wanted, enum fail_code code, const char *because)
{
	auto_(arena_free) struct arena *a = arena_new();
	atomic_bool cancel = code == FAIL_CANCELED;
	struct fetch f = { .source = source, .sha256 = wanted, .cache_dir = cache, .cancel = &cancel,
			   .deadline_ms = clock_after_ms(code == FAIL_TIMEOUT ? 500 : 20000) };
	struct fail e = { 0 };
	const char *path;
	char digest[65];

	assert_int_equal(fetch_archive(&f, a, &path, digest, &e), -1);
	assert_has(e.text, because);
	assert_int_equal(e.code, code);
}

static void failures_are_told_apart(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *zeros = "0000000000000000000000000000000000000000000000000000000000000000";

	(void)state;
	wrong(url(a, "/missing/a.tar"), NULL, FAIL_NOT_FOUND, "404");
	wrong(url(a, "/range/digest-differs.tar"), zeros, FAIL_OTHER, sha256);
	wrong(url(a, "/evil/a.tar"), NULL, FAIL_OTHER, "file");
	wrong(url(a, "/silent/a.tar"), NULL, FAIL_TIMEOUT, "/silent/a.tar");
	wrong(url(a, "/silent/b.tar"), NULL, FAIL_CANCELED, "canceled");
	wrong(arena_printf(a, "http://user:secret@127.0.0.1:%u/missing/c.tar", port), NULL, FAIL_NOT_FOUND,
	      arena_printf(a, "http://127.0.0.1:%u/missing/c.tar", port));
	wrong("gopher://127.0.0.1/", NULL, FAIL_OTHER, "cannot be fetched");
	wrong("/nonexistent/archive.tar.gz", NULL, FAIL_NOT_FOUND, "/nonexistent/archive.tar.gz");
	wrong("file:///nonexistent/archive.tar.gz", NULL, FAIL_NOT_FOUND, "archive.tar.gz");
}

static void files_are_taken_where_they_are(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *file = arena_printf(a, "%s/local.tar", dir), *path;
	struct fetch f = { .source = file, .sha256 = sha256, .cache_dir = cache, .deadline_ms = clock_after_ms(5000) };
	struct fail e = { 0 };
	char digest[65];

	(void)state;
	assert_ok(file_write(file, body, SIZE, 0644, &e), e);
	assert_ok(fetch_archive(&f, a, &path, digest, &e), e);
	check(path, digest);
	f.source = arena_printf(a, "file://%s", file);
	assert_ok(fetch_archive(&f, a, &path, digest, &e), e);
	check(path, digest);
	wrong(file, "00ff", FAIL_OTHER, "wanted 00ff, found ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_once),
		cmocka_unit_test(parts_are_resumed_when_vouched_for),
		cmocka_unit_test(broken_connections_are_taken_up_again),
		cmocka_unit_test(failures_are_told_apart),
		cmocka_unit_test(files_are_taken_where_they_are),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
