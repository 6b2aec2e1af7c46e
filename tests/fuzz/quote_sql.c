/* SPDX-License-Identifier: PostgreSQL */
/* Quoting for SQL and postgresql.conf, read back by a real PostgreSQL on a Unix socket, started once. */
#include "fuzz.h"

#include <fcntl.h>
#include <glob.h>
#include <libpq-fe.h>
#include <signal.h>

#include "private_server.h"
#include "quote.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

#define IDENTIFIER_MAX 63 /* PostgreSQL truncates longer ones */
#define VALUE_MAX 1500

static struct { char dir[PRIVATE_PATH], data[PRIVATE_PATH + 16]; pid_t pid, owner; int conf; PGconn *on, *off; } server;

static void stop(void)
{
	struct fail e;

	if (getpid() != server.owner)
		return;
	PQfinish(server.on);
	PQfinish(server.off);
	private_stop(&server.pid, SIGQUIT);
	file_remove_tree(server.dir, &e);
}

/* Broken quoting would run the fuzzer's input as SQL: so the user may only read. */
static PGconn *open_as(const char *user, const char *strings)
{
	char info[2 * PRIVATE_PATH];

	snprintf(info, sizeof info, "host=%s dbname=postgres user=%s client_encoding=SQL_ASCII options='-c "
		 "standard_conforming_strings=%s -c escape_string_warning=off -c statement_timeout=15s'", server.dir, user, strings);
	for (int tries = 0; tries < 600; tries++) {
		PGconn *c = PQconnectdb(info);

		if (PQstatus(c) == CONNECTION_OK)
			return c;
		PQfinish(c);
		usleep(50000);
	}
	private_die("PostgreSQL did not start: %s", server.dir);
}

static void run_initdb(const char *bin, const struct passwd *user)
{
	char initdb[PRIVATE_PATH], log[PRIVATE_PATH + 16];
	const char *argv[] = { initdb, "-D", server.data, "-U", "admin", "-A", "trust", "-N", "--no-locale", "-E", "SQL_ASCII", NULL };
	int status;

	snprintf(initdb, sizeof initdb, "%s/initdb", bin);
	snprintf(log, sizeof log, "%s/log", server.dir);
	if (waitpid(private_spawn(argv, user->pw_uid, user->pw_gid, log), &status, 0) < 0 || status)
		private_die("initdb failed: %s", file_tail(log, 20));
}

static void make_user(void)
{
	PGconn *c = open_as("admin", "on");
	PGresult *r = PQexec(c, "create role fuzz login; alter role fuzz set default_transaction_read_only = on; "
				"grant select on pg_file_settings to fuzz; "
				"grant execute on function pg_show_all_file_settings() to fuzz");

	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		private_die("%s", PQerrorMessage(c));
	PQclear(r);
	PQfinish(c);
}

/* Starts the server before libFuzzer measures time, because it may be slow on a busy machine. */
int LLVMFuzzerInitialize(int *argc, char ***argv_)
{
	const struct passwd *user = geteuid() ? getpwuid(geteuid()) : getpwnam("postgres");
	char program[PRIVATE_PATH], bin[PRIVATE_PATH], sockets[PRIVATE_PATH + 64], log[PRIVATE_PATH + 16], path[PRIVATE_PATH + 32];
	const char *argv[] = { program, "-D", server.data, "-c", "listen_addresses=", "-c", sockets, "-c", "fsync=off",
			       "-c", "log_statement=none", "-c", "log_min_messages=panic", "-c", "log_min_error_statement=panic", NULL };
	glob_t found = { 0 };

	(void)argc, (void)argv_;
	if (!user || glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found))
		private_die("no PostgreSQL server (package postgresql) on this host");
	snprintf(bin, sizeof bin, "%.*s", (int)(strrchr(found.gl_pathv[found.gl_pathc - 1], '/') - found.gl_pathv[found.gl_pathc - 1]),
		 found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	private_tmpdir(server.dir);
	if (chown(server.dir, user->pw_uid, user->pw_gid) < 0)
		private_die("chown: %s", strerror(errno));
	server.owner = getpid();
	atexit(stop);
	snprintf(server.data, sizeof server.data, "%s/data", server.dir);
	snprintf(program, sizeof program, "%s/postgres", bin);
	snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", server.dir);
	snprintf(log, sizeof log, "%s/log", server.dir);
	run_initdb(bin, user);
	snprintf(path, sizeof path, "%s/postgresql.conf", server.data);
	private_write(path, 0644, "include 'fuzz.conf'\n");
	snprintf(path, sizeof path, "%s/fuzz.conf", server.data);
	private_write(path, 0644, "");
	server.conf = open(path, O_WRONLY | O_CLOEXEC);
	server.pid = private_spawn(argv, user->pw_uid, user->pw_gid, log);
	make_user();
	server.on = open_as("fuzz", "on");
	server.off = open_as("fuzz", "off");
	return 0;
}

/* Checks for one row with one column of value @wanted, and of name @name unless that is NULL. */
static void ask(PGconn *c, const char *query, const char *wanted, const char *name)
{
	PGresult *r = PQexec(c, query);

	PROMISE(PQresultStatus(r) == PGRES_TUPLES_OK, "%s: %s", query, PQresultErrorMessage(r));
	PROMISE(PQntuples(r) == 1 && PQnfields(r) == 1, "%s", query);
	PROMISE(!strcmp(PQgetvalue(r, 0, 0), wanted), "%s: %s", query, PQgetvalue(r, 0, 0));
	PROMISE(!name || !strncmp(PQfname(r, 0), name, IDENTIFIER_MAX), "%s: %s", query, PQfname(r, 0));
	PQclear(r);
}

static void conf(const char *text)
{
	auto_(strbuf_clear) struct strbuf line = { 0 };

	strbuf_str(&line, "fuzz.before = 'x'\nfuzz.value = ");
	quote_add(&line, QUOTE_CONF, text);
	strbuf_str(&line, " # end\nfuzz.after = 'y'\n");
	PROMISE(ftruncate(server.conf, 0) == 0 && pwrite(server.conf, line.text, line.len, 0) == (ssize_t)line.len);
	ask(server.on, "select string_agg(name || '=' || setting, '|' order by seqno) from pg_file_settings where seqno < 9",
	    (strbuf_truncate(&line, 0), strbuf_printf(&line, "fuzz.before=x|fuzz.value=%s|fuzz.after=y", text), line.text), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size < VALUE_MAX ? size : VALUE_MAX);
	auto_(strbuf_clear) struct strbuf query = { 0 };

	strbuf_str(&query, "select ");
	quote_add(&query, QUOTE_SQL, text);
	if (*text) {
		strbuf_str(&query, " as ");
		quote_add(&query, QUOTE_IDENT, text);
	}
	ask(server.on, query.text, text, *text ? text : NULL);
	ask(server.off, query.text, text, *text ? text : NULL);
	conf(text);
	return 0;
}
