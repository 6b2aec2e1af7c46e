/* SPDX-License-Identifier: PostgreSQL */
/* link/sql.h against a private PostgreSQL cluster on 127.0.0.1. */
#include "test.h"

#include <glob.h>
#include <pthread.h>

#include "private_server.h"
#include "quote.h"
#include "sql.h"
#include "traced.h"

static struct {
	char dir[PRIVATE_PATH], data[PRIVATE_PATH + 16], bin[PRIVATE_PATH];
	unsigned port;
	uid_t uid;
	gid_t gid;
	pid_t pid;
} server;

static void find_server(void)
{
	const struct passwd *user = geteuid() ? getpwuid(geteuid()) : getpwnam("postgres");
	glob_t found = { 0 };

	if (!user || glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found))
		private_die("no PostgreSQL server (package postgresql) on this host");
	snprintf(server.bin, sizeof(server.bin), "%.*s", (int)(strlen(found.gl_pathv[found.gl_pathc - 1]) - strlen("/initdb")),
		 found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	server.uid = user->pw_uid;
	server.gid = user->pw_gid;
}

static void server_start(const char *extra)
{
	char program[PRIVATE_PATH + 16], port[16], sockets[PRIVATE_PATH + 64], log[PRIVATE_PATH + 16];
	const char *argv[] = { program, "-D", server.data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", sockets,
			       "-c", "fsync=off", "-c", extra, NULL };

	snprintf(program, sizeof(program), "%s/postgres", server.bin);
	snprintf(port, sizeof(port), "%u", server.port);
	snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", server.dir);
	snprintf(log, sizeof(log), "%s/log", server.dir);
	server.pid = private_spawn(argv, server.uid, server.gid, log);
}

static struct sql_target target(void)
{
	return (struct sql_target){ .node = "node3", .ip = "127.0.0.1", .port = server.port, .user = "admin",
				    .password = "it's \\ secret", .database = "postgres" };
}

static struct sql *connect_wait(void)
{
	struct sql_target t = target();
	struct fail e = { 0 };
	struct sql *c = NULL;

	assert_ok(sql_open(&t, true, clock_after_ms(30000), &c, &e), e);
	return c;
}

static int group_setup(void **state)
{
	char initdb[PRIVATE_PATH + 16], password[PRIVATE_PATH + 32];
	int status;
	pid_t pid;

	(void)state;
	find_server();
	private_tmpdir(server.dir);
	if (chown(server.dir, server.uid, server.gid) < 0)
		private_die("chown: %s", strerror(errno));
	server.port = private_port();
	snprintf(server.data, sizeof(server.data), "%s/data", server.dir);
	snprintf(initdb, sizeof(initdb), "%s/initdb", server.bin);
	snprintf(password, sizeof(password), "--pwfile=%s/password", server.dir);
	private_write(strchr(password, '/'), 0644, "it's \\ secret\n");
	{
		const char *argv[] = { initdb, "-D", server.data, "-U", "admin", "-A", "scram-sha-256", password, "-N",
				       "--no-locale", "-E", "UTF8", NULL };
		char log[PRIVATE_PATH + 16];

		snprintf(log, sizeof(log), "%s/log", server.dir);
		pid = private_spawn(argv, server.uid, server.gid, log);
		if (waitpid(pid, &status, 0) < 0 || status)
			private_die("initdb failed: %s", file_tail(log, 20));
	}
	server_start("log_min_messages=warning");
	sql_close(connect_wait());
	return 0;
}

static int group_teardown(void **state)
{
	struct fail e = { 0 };

	(void)state;
	private_stop(&server.pid, SIGINT);
	file_remove_tree(server.dir, &e);
	return 0;
}

static void check_value(struct sql *c, const char *query, const char *wanted)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct fail e = { 0 };
	int rows = -1;

	assert_ok(sql_value(c, query, clock_after_ms(10000), &out, &rows, &e), e);
	assert_string_equal(strbuf_text(&out), wanted);
}

static void connect_failures(void **state)
{
	struct sql_target t = target();
	struct fail e = { 0 };
	struct sql *c = NULL;
	int64_t started_ms = clock_now_ms();

	(void)state;
	t.password = "wrong";
	assert_int_equal(sql_open(&t, true, clock_after_ms(20000), &c, &e), -1);
	assert_int_equal(e.code, FAIL_DB);
	assert_has(e.text, "(127.0.0.1:");
	assert_has(e.text, "sql: connect: FATAL: password authentication failed for user \"admin\" (SQLSTATE 28P01)");
	t.password = NULL;
	assert_int_equal(sql_open(&t, true, clock_after_ms(20000), &c, &e), -1);
	assert_has(e.text, "no password supplied");
	t = target();
	t.database = "nowhere";
	assert_int_equal(sql_open(&t, true, clock_after_ms(20000), &c, &e), -1);
	assert_has(e.text, "\"nowhere\" does not exist (SQLSTATE 3D000)");
	t = target();
	t.port = private_port();
	assert_int_equal(sql_open(&t, false, clock_after_ms(20000), &c, &e), -1);
	assert_int_equal(e.code, FAIL_DB);
	assert_has(e.text, "Connection refused");
	assert_in_range(clock_now_ms() - started_ms, 0, 10000); /* each is a definite answer, so none waited */
	started_ms = clock_now_ms();
	assert_int_equal(sql_open(&t, true, clock_after_ms(600), &c, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_has(e.text, "Connection refused");
	assert_in_range(clock_now_ms() - started_ms, 550, 10000);
	assert_null(c);
}

static void silent_server_ends_at_the_deadline(void **state)
{
	struct sql_target t = target();
	struct fail e = { 0 };
	struct sql *c = NULL;
	int64_t started_ms = clock_now_ms();
	int fd = private_listen(5, &t.port);
	atomic_bool cancel = true;

	(void)state;
	assert_int_equal(sql_open(&t, true, clock_after_ms(500), &c, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_has(e.text, "sql: connect: no answer after ");
	assert_in_range(clock_now_ms() - started_ms, 490, 10000);
	t.cancel = &cancel;
	assert_int_equal(sql_open(&t, true, clock_after_ms(20000), &c, &e), -1);
	assert_int_equal(e.code, FAIL_CANCELED);
	close(fd);
}

static int knock(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	connect(fd, (const struct sockaddr *)&to, sizeof(to));
	return fd;
}

static bool says(void *ctx)
{
	return atomic_load((atomic_bool *)ctx);
}

static void a_node_that_is_gone_ends_the_wait(void **state)
{
	atomic_bool gone = false;
	struct sql_target t = target();
	struct fail e = { 0 };
	struct sql *c = NULL;
	int64_t started_ms;
	int fd = private_listen(0, &t.port), others[2];

	(void)state;
	t.peer = (struct peer){ .gone = says, .ctx = &gone };
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		others[i] = knock(t.port); /* a full backlog: the kernel drops further connections */
	assert_int_equal(sql_open(&t, false, clock_after_ms(2500), &c, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	gone = true;
	started_ms = clock_now_ms();
	assert_int_equal(sql_open(&t, true, clock_after_ms(60000), &c, &e), -1);
	assert_int_equal(e.code, FAIL_DB);
	assert_has(e.text, "sql: connect: the node stopped answering after ");
	assert_in_range(clock_now_ms() - started_ms, 0, 10000); /* TCP repeats the first SYN after a second */
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		close(others[i]);
	close(fd);
}

static void a_port_that_stays_closed_is_an_answer(void **state)
{
	struct sql_target t = target();
	struct fail e = { 0 };
	struct sql *c = NULL;
	int64_t started_ms = clock_now_ms();

	(void)state;
	t.port = private_port();
	assert_int_equal(sql_open(&t, true, clock_after_ms(60000), &c, &e), -1);
	assert_int_equal(e.code, FAIL_DB);
	assert_has(e.text, "Connection refused");
	assert_in_range(clock_now_ms() - started_ms, SQL_REFUSED_MS, SQL_REFUSED_MS + 20000);
}

static void add_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	(void)names;
	for (int i = 0; i < columns; i++)
		strbuf_printf(ctx, "%s%s", i ? "|" : "", values[i] ? values[i] : "NULL");
	strbuf_char(ctx, '\n');
}

static void values_and_rows(void **state)
{
	auto_(sql_close) struct sql *c = connect_wait();
	auto_(strbuf_clear) struct strbuf out = { 0 }, many = { 0 };
	struct fail e = { 0 };
	int rows = -1;

	(void)state;
	check_value(c, "SELECT 6 * 7, 'second'", "42");
	check_value(c, "SELECT NULL", "");
	check_value(c, "SELECT 1; SELECT 'last'; SET work_mem = '1MB'", "last");
	check_value(c, "SHOW application_name", "labctl");
	check_value(c, "SHOW client_encoding", "UTF8");
	check_value(c, "SELECT 'gr\u00fc\u00dfe'", "gr\u00fc\u00dfe");
	assert_ok(sql_value(c, "SELECT 1 WHERE false", clock_after_ms(10000), &out, &rows, &e), e);
	assert_int_equal(rows, 0);
	assert_int_equal(out.len, 0);
	assert_ok(sql_rows(c, "SELECT i, CASE WHEN i > 1 THEN 'x' END FROM generate_series(1, 2) i", NULL, clock_after_ms(10000),
			   add_row, &out, &e), e);
	assert_string_equal(strbuf_text(&out), "1|NULL\n2|x\n");
	assert_ok(sql_rows(c, "SELECT repeat('x', 100) FROM generate_series(1, 50000)", NULL, clock_after_ms(20000), add_row, &many,
			   &e), e);
	assert_int_equal(many.len, 101 * 50000);
	/* A parameter is always a value, never SQL. */
	strbuf_truncate(&out, 0);
	assert_ok(sql_rows(c, "SELECT $1 || '.' || $2", (const char *const[]){ "a'; DROP TABLE t; --", "\"b\"", NULL },
			   clock_after_ms(10000), add_row, &out, &e), e);
	assert_string_equal(strbuf_text(&out), "a'; DROP TABLE t; --.\"b\"\n");
}

static void errors_keep_the_servers_words(void **state)
{
	auto_(sql_close) struct sql *c = connect_wait();
	struct fail e = { 0 };

	(void)state;
	check_value(c, "CREATE TABLE t (i int)", "");
	assert_int_equal(sql_value(c, "DO $$BEGIN RAISE NOTICE 'mind this'; END$$; CREATE TABLE t (i int)",
				   clock_after_ms(10000), NULL, NULL, &e), -1);
	assert_int_equal(e.code, FAIL_DB);
	assert_has(e.text, "relation \"t\" already exists (SQLSTATE 42P07)");
	assert_has(e.evidence, "NOTICE: mind this");
	assert_int_equal(sql_value(c, "COPY t FROM STDIN", clock_after_ms(10000), NULL, NULL, &e), -1);
	assert_has(e.text, "COPY");
	assert_int_equal(sql_value(c, "SELECT 1", clock_after_ms(10000), NULL, NULL, &e), -1);
	assert_has(e.text, "earlier failure");
	sql_close(steal(c));
	c = connect_wait();
	check_value(c, "DROP TABLE t", "");
	assert_int_equal(sql_value(c, "SELECT pg_terminate_backend(pg_backend_pid())", clock_after_ms(10000), NULL, NULL, &e),
			 -1);
	assert_int_equal(e.code, FAIL_DB);
	assert_has(e.text, "57P01");
}

static void idle_until_the_server_says_something(void **state)
{
	auto_(sql_close) struct sql *c = connect_wait(), *other = connect_wait();

	(void)state;
	assert_true(sql_idle(c));
	check_value(c, "BEGIN", "");
	assert_false(sql_idle(c));
	check_value(c, "ROLLBACK", "");
	assert_true(sql_idle(c));
	check_value(c, "SET application_name = 'ends soon'", "");
	check_value(other, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'ends soon'", "t");
	assert_false(sql_idle(c));
	assert_true(sql_idle(other));
}

static void deadline_leaves_the_connection_usable(void **state)
{
	auto_(sql_close) struct sql *c = connect_wait();
	struct fail e = { 0 };
	int64_t started_ms = clock_now_ms();

	(void)state;
	assert_int_equal(sql_value(c, "SELECT pg_sleep(30)", clock_after_ms(500), NULL, NULL, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_has(e.text, "no answer after ");
	assert_in_range(clock_now_ms() - started_ms, 490, 10000);
	check_value(c, "SELECT 'still here'", "still here");
	check_value(c, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND state = 'active' "
			"AND pid <> pg_backend_pid()", "0");
}

static void a_stopped_server_is_given_up(void **state)
{
	auto_(sql_close) struct sql *c = connect_wait();
	auto_(strbuf_clear) struct strbuf pid = { 0 };
	struct fail e = { 0 };
	int64_t started_ms;
	bool changed = true;

	(void)state;
	assert_ok(sql_value(c, "SELECT pg_backend_pid()", clock_after_ms(10000), &pid, NULL, &e), e);
	kill(atoi(pid.text), SIGSTOP);
	kill(server.pid, SIGSTOP); /* the kernel accepts cancel requests, but nothing answers them */
	started_ms = clock_now_ms();
	assert_int_equal(sql_value(c, "SELECT 1", clock_after_ms(300), NULL, NULL, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_in_range(clock_now_ms() - started_ms, 290, 10000);
	kill(server.pid, SIGCONT);
	kill(atoi(pid.text), SIGCONT);
	assert_int_equal(sql_value(c, "SELECT 1", clock_after_ms(10000), NULL, NULL, &e), -1);
	assert_has(e.text, "earlier failure");
	/* An expectation with "try" connects again. */
	assert_ok(sql_blocks(c, "again.sql", "--@ expect 1\n--@ try 10\nSELECT 1", clock_after_ms(20000), &changed, &e), e);
	assert_false(changed);
}

static void *cancel_later(void *ctx)
{
	clock_sleep_ms(300);
	atomic_store((atomic_bool *)ctx, true);
	return NULL;
}

static void cancel_is_quick(void **state)
{
	atomic_bool cancel = false;
	struct sql_target t = target();
	auto_(sql_close) struct sql *c = NULL;
	struct fail e = { 0 };
	int64_t started_ms;
	pthread_t thread;

	(void)state;
	t.cancel = &cancel;
	assert_ok(sql_open(&t, false, clock_after_ms(10000), &c, &e), e);
	pthread_create(&thread, NULL, cancel_later, &cancel);
	started_ms = clock_now_ms();
	assert_int_equal(sql_value(c, "SELECT pg_sleep(30)", clock_after_ms(20000), NULL, NULL, &e), -1);
	pthread_join(thread, NULL);
	assert_int_equal(e.code, FAIL_CANCELED);
	assert_in_range(clock_now_ms() - started_ms, 290, 10000);
}

static void blocks(struct sql *c, const char *text, bool wanted_change)
{
	struct fail e = { 0 };
	bool changed = !wanted_change;

	assert_ok(sql_blocks(c, "test.sql", text, clock_after_ms(20000), &changed, &e), e);
	assert_int_equal(changed, wanted_change);
}

static void blocks_guard_and_count(void **state)
{
	static const char text[] =
		"-- a file\n\n--@ unless SELECT 1 FROM pg_class WHERE relname = 'b'\n-- between\n"
		"CREATE TABLE b (i int);\n-- a comment of the batch\nINSERT INTO b VALUES (1)\n"
		"--@ after-change\n--@ quiet\nINSERT INTO b VALUES (2)\n"
		"--@ if SELECT 1 FROM b WHERE i = 3\n--@ unless SELECT 1 FROM b WHERE i = 4\nINSERT INTO b VALUES (4);\n"
		"--@   expect   2  \nSELECT count(*) FROM b\n";
	auto_(sql_close) struct sql *c = connect_wait();

	(void)state;
	blocks(c, text, true);
	blocks(c, text, false);
	blocks(c, "--@ run\nINSERT INTO b VALUES (3)", true);
	blocks(c, "--@ if SELECT 1 FROM b WHERE i = 3\n--@ unless SELECT 1 FROM b WHERE i = 4\nINSERT INTO b VALUES (4)", true);
	blocks(c, "--@ if SELECT 1 FROM b WHERE i = 3\n--@ unless SELECT 1 FROM b WHERE i = 4\nINSERT INTO b VALUES (4)", false);
	blocks(c, "--@ quiet\n--@ run\nINSERT INTO b VALUES (5)", false);
	blocks(c, "--@ expect\nSELECT ''", false);
	blocks(c, "--@ run\n--@ expect 6\nINSERT INTO b VALUES (6) RETURNING i", true);
	blocks(c, "--@ unless SELECT 1 FROM b WHERE i = 7\n--@ expect 7\nINSERT INTO b VALUES (7) RETURNING i", true);
	blocks(c, "", false);
	blocks(c, "-- nothing\n", false);
	check_value(c, "SELECT string_agg(i::text, ',' ORDER BY i) FROM b", "1,2,3,4,5,6,7");
	check_value(c, "DROP TABLE b", "");
}

static void *make_table_later(void *ctx)
{
	auto_(sql_close) struct sql *c = NULL;
	struct sql_target t = target();
	struct fail e = { 0 };

	clock_sleep_ms(500);
	if (sql_open(&t, true, clock_after_ms(10000), &c, &e) == 0)
		sql_value(c, "CREATE TABLE later AS SELECT 1 AS i; SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
			     "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
			  clock_after_ms(10000), NULL, NULL, &e);
	*(int *)ctx = e.code;
	return NULL;
}

static void blocks_try(void **state)
{
	auto_(sql_close) struct sql *c = connect_wait();
	struct fail e = { 0 };
	int64_t started_ms = clock_now_ms();
	bool changed = true;
	int code = -1;
	pthread_t thread;

	(void)state;
	/* First errors (no such table), then a lost connection, then success. */
	pthread_create(&thread, NULL, make_table_later, &code);
	blocks(c, "--@ try 15\n--@ expect 1\nSELECT i FROM later", false);
	pthread_join(thread, NULL);
	assert_int_equal(code, 0);
	assert_in_range(clock_now_ms() - started_ms, 400, 10000);
	started_ms = clock_now_ms();
	assert_int_equal(sql_blocks(c, "test.sql", "--@ run\nSELECT 1\n\n--@ expect 2\n--@ try 1\nSELECT i\nFROM later",
				    clock_after_ms(20000), &changed, &e), -1);
	assert_in_range(clock_now_ms() - started_ms, 900, 10000);
	assert_int_equal(e.code, FAIL_DB);
	assert_has(e.text, "test.sql:6: node node3");
	assert_has(e.text, "got '1', wanted '2'");
	assert_has(e.text, "SELECT i FROM later");
	assert_int_equal(sql_blocks(c, "test.sql", "--@ expect 2\nSELECT 2 WHERE false", clock_after_ms(20000), &changed, &e), -1);
	assert_has(e.text, "got no row, wanted '2'");
	assert_int_equal(sql_blocks(c, "test.sql", "--@ expect 2\n--@ try 60\nSELECT pg_sleep(30)", clock_after_ms(700),
				    &changed, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_true(changed);
	check_value(c, "DROP TABLE later", "");
}

/* Failures of the statement itself are final; those of connections between servers are retried. */
static void blocks_try_connections(void **state)
{
	auto_(sql_close) struct sql *c = connect_wait();
	struct fail e = { 0 };
	int64_t started_ms = clock_now_ms();
	bool changed = false;

	(void)state;
	check_value(c, "CREATE SEQUENCE tries", "");
	check_value(c, "CREATE FUNCTION lost_until(n int, state text) RETURNS int LANGUAGE plpgsql AS $$BEGIN "
		       "IF nextval('tries') < n THEN RAISE EXCEPTION 'no snapshot' USING ERRCODE = state; END IF; RETURN 1; END$$", "");
	/* Two failures in the guard, then failures of the statement, each time with its guard again. */
	blocks(c, "--@ if SELECT lost_until(3, '08006')\n--@ try 20\nSELECT lost_until(6, '08006')", true);
	check_value(c, "SELECT last_value FROM tries", "6");
	/* Postgres-XC's coordinators have no connection to a datanode. */
	blocks(c, "--@ try 20\nSELECT lost_until(8, '53000')", true);
	blocks(c, "--@ if SELECT lost_until(11, '08006')\n--@ expect 1\n--@ try 20\nSELECT 1", true);
	assert_int_equal(sql_blocks(c, "test.sql", "--@ try 20\nSELECT lost_until(100, '22012')", clock_after_ms(20000), &changed,
				    &e), -1);
	assert_int_equal(e.code, FAIL_DB);
	assert_int_equal(sql_blocks(c, "test.sql", "--@ quiet\nSELECT lost_until(100, '08006')", clock_after_ms(20000), &changed,
				    &e), -1);
	assert_in_range(clock_now_ms() - started_ms, 0, 10000);
	started_ms = clock_now_ms();
	assert_int_equal(sql_blocks(c, "test.sql", "--@ try 1\nSELECT lost_until(1000000, '08006')", clock_after_ms(20000),
				    &changed, &e), -1);
	assert_in_range(clock_now_ms() - started_ms, 900, 10000);
	assert_has(e.text, "test.sql:2: node node3");
	assert_has(e.text, "(SQLSTATE 08006)");
	check_value(c, "DROP FUNCTION lost_until", "");
	check_value(c, "DROP SEQUENCE tries", "");
}

static void blocks_fail_by_line(void **state)
{
	static const struct {
		const char *text;
		enum fail_code code;
		const char *words;
	} cases[] = {
		{ "--@ run\nSELECT 1\n--@ rum\nSELECT 2", FAIL_OTHER, "test.sql:3: unknown directive 'rum'" },
		{ "-- x\nSELECT 1\n--@ run\nSELECT 1", FAIL_OTHER, "test.sql:2: SQL before" },
		{ "--@ run now\nSELECT 1", FAIL_OTHER, "test.sql:1: 'run' takes nothing" },
		{ "--@ if\nSELECT 1", FAIL_OTHER, "test.sql:1: 'if' needs an argument" },
		{ "--@ try soon\n--@ expect 1\nSELECT 1", FAIL_OTHER, "test.sql:1: 'try soon'" },
		{ "--@ expect 1\n--@ expect 1\nSELECT 1", FAIL_OTHER, "test.sql:2: a second 'expect'" },
		{ "--@ run\nSELECT 1\n--@ run\n-- only words\n", FAIL_OTHER, "test.sql:3: a block without a statement" },
		{ "--@ run\n\n-- c\nSELECT\n1/0", FAIL_DB, "test.sql:4: node node3" },
		{ "--@ run\nSELECT 1\n--@ if SELECT nonsense\nSELECT 1", FAIL_DB, "test.sql:3: node node3" },
		{ "--@ run\nBEGIN; SELECT 1/0", FAIL_DB, "division by zero (SQLSTATE 22012)" },
	};
	auto_(sql_close) struct sql *c = connect_wait();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct fail e = { 0 };
		bool changed;

		assert_int_equal(sql_blocks(c, "test.sql", cases[i].text, clock_after_ms(20000), &changed, &e), -1);
		assert_int_equal(e.code, cases[i].code);
		assert_has(e.text, cases[i].words);
		if (i == 0)
			assert_has(e.next, "run");
		check_value(c, "SELECT now() = statement_timestamp()", "t"); /* no open transaction is left */
	}
}

static void quoting_round_trip(void **state)
{
	static const char *const values[] = { "plain", "it's", "back\\slash", "\"double\"", "a;DROP TABLE x;--", "two\nlines",
					      "$$dollar$$", "", " %s %n ", "gr\u00fc\u00df" };
	auto_(sql_close) struct sql *c = connect_wait();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		auto_(strbuf_clear) struct strbuf query = { 0 };

		strbuf_str(&query, "SELECT ");
		quote_add(&query, QUOTE_SQL, values[i]);
		check_value(c, strbuf_text(&query), values[i]);
		if (!*values[i])
			continue;
		strbuf_clear(&query);
		strbuf_str(&query, "CREATE TEMP TABLE ");
		quote_add(&query, QUOTE_IDENT, values[i]);
		strbuf_str(&query, " (i int)");
		check_value(c, strbuf_text(&query), "");
		strbuf_clear(&query);
		strbuf_str(&query, "SELECT relname FROM pg_class WHERE relname = ");
		quote_add(&query, QUOTE_SQL, values[i]);
		check_value(c, strbuf_text(&query), values[i]);
	}
}

static void *promote_later(void *ctx)
{
	char pg_ctl[PRIVATE_PATH + 16], log[PRIVATE_PATH + 16];
	const char *argv[] = { pg_ctl, "promote", "-W", "-D", server.data, NULL };
	pid_t pid;

	(void)ctx;
	snprintf(pg_ctl, sizeof(pg_ctl), "%s/pg_ctl", server.bin);
	snprintf(log, sizeof(log), "%s/log", server.dir);
	clock_sleep_ms(700);
	pid = private_spawn(argv, server.uid, server.gid, log);
	waitpid(pid, NULL, 0);
	return NULL;
}

/* Runs last, because it stops the server. A standby without hot_standby is "starting up" until it is promoted. */
static void starting_up_is_waited_for(void **state)
{
	struct sql_target t = target();
	char path[PRIVATE_PATH + 64];
	struct fail e = { 0 };
	struct sql *c = NULL;
	pthread_t thread;
	int64_t deadline_ms = clock_after_ms(20000);

	(void)state;
	private_stop(&server.pid, SIGINT);
	snprintf(path, sizeof(path), "%s/standby.signal", server.data);
	private_write(path, 0600, "");
	assert_int_equal(chown(path, server.uid, server.gid), 0);
	server_start("hot_standby=off");
	do {
		clock_sleep_ms(100);
		assert_int_equal(sql_open(&t, false, clock_after_ms(5000), &c, &e), -1);
	} while (strstr(e.text, "refused") && clock_left_ms(deadline_ms));
	assert_int_equal(e.code, FAIL_DB);
	assert_has(e.text, "(SQLSTATE 57P03)");
	assert_int_equal(sql_open(&t, true, clock_after_ms(500), &c, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_has(e.text, "(SQLSTATE 57P03)");
	pthread_create(&thread, NULL, promote_later, NULL);
	assert_ok(sql_open(&t, true, clock_after_ms(20000), &c, &e), e);
	pthread_join(thread, NULL);
	check_value(c, "SELECT pg_is_in_recovery()", "f");
	sql_close(c);
}

static void a_trace_has_no_literal_and_no_password(void **state)
{
	struct sql_target t = target(), wrong = target();
	auto_(sql_close) struct sql *c = NULL;
	struct fail e = { 0 };

	(void)state;
	wrong.password = "hunter2";
	traced_begin("sql");
	assert_ok(sql_open(&t, true, clock_after_ms(20000), &c, &e), e);
	check_value(c, "SELECT 1 FROM (VALUES ('hunter2')) AS v", "1");
	assert_int_equal(sql_value(c, "ALTER ROLE nobody PASSWORD 'hunter2'", clock_after_ms(10000), NULL, NULL, &e), -1);
	assert_int_equal(sql_open(&wrong, false, clock_after_ms(20000), &(struct sql *){ NULL }, &e), -1);
	traced_end();
	assert_has(strbuf_text(&traced), " sql > node node3 (127.0.0.1:");
	assert_has(strbuf_text(&traced), ": connect to database postgres as admin: done; ");
	assert_has(strbuf_text(&traced), "): SELECT 1 FROM (VALUES (...: 1 rows; ");
	assert_has(strbuf_text(&traced), "): ALTER ROLE nobody PASSWORD ...: failed (DB, SQLSTATE 42704); ");
	assert_has(strbuf_text(&traced), ": connect to database postgres as admin: failed (DB, SQLSTATE 28P01); ");
	assert_null(strstr(strbuf_text(&traced), "hunter2"));
	assert_null(strstr(strbuf_text(&traced), t.password));
	strbuf_clear(&traced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_failures),
		cmocka_unit_test(silent_server_ends_at_the_deadline),
		cmocka_unit_test(a_node_that_is_gone_ends_the_wait),
		cmocka_unit_test(a_port_that_stays_closed_is_an_answer),
		cmocka_unit_test(values_and_rows),
		cmocka_unit_test(errors_keep_the_servers_words),
		cmocka_unit_test(idle_until_the_server_says_something),
		cmocka_unit_test(deadline_leaves_the_connection_usable),
		cmocka_unit_test(a_stopped_server_is_given_up),
		cmocka_unit_test(cancel_is_quick),
		cmocka_unit_test(blocks_guard_and_count),
		cmocka_unit_test(blocks_try),
		cmocka_unit_test(blocks_try_connections),
		cmocka_unit_test(blocks_fail_by_line),
		cmocka_unit_test(quoting_round_trip),
		cmocka_unit_test(a_trace_has_no_literal_and_no_password),
		cmocka_unit_test(starting_up_is_waited_for),
	};

	return cmocka_run_group_tests_name("link/sql", tests, group_setup, group_teardown);
}
