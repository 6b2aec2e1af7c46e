/* SPDX-License-Identifier: PostgreSQL */
/*
 * A fake of gtm, gtm_proxy, postgres and psql of Postgres-XC 1.0.2, depending on the name it is called by. Like those it
 * listens, keeps its caller's standard output open, dies at its start without a message, wedges, and forgets. It imitates
 * what tuning/pgxc checks, and the faults; the fakes exchange words on lines.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_BYTES 256
#define CLIENTS 64
#define FIRST_GXID 10000 /* without gtm.control, and without -x */

static FILE *log_file; /* NULL = standard error */

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	FILE *f = log_file ? log_file : stderr;
	va_list ap;

	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fputc('\n', f);
	fflush(f);
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
	FILE *f = log_file ? log_file : stderr;
	va_list ap;

	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fputc('\n', f);
	fflush(f);
	_exit(1);
}

/* The last value of @key in @file, without quotes and comment; NULL if there is none. Never freed. */
static char *conf(const char *file, const char *key)
{
	FILE *f = fopen(file, "r");
	char line[1024], *found = NULL;

	if (!f)
		die("could not open configuration file \"%s\"", file);
	while (fgets(line, sizeof line, f)) {
		char *p = line + strspn(line, " \t"), *value, *end;
		size_t len = strcspn(p, " \t=\n");

		if (*p == '#' || len != strlen(key) || strncmp(p, key, len))
			continue;
		value = p + len + strspn(p + len, " \t=");
		end = *value == '\'' ? strchr(++value, '\'') : value + strcspn(value, " \t#\n");
		if (!end)
			die("syntax error in file \"%s\" near \"%s\"", file, value);
		*end = '\0';
		found = strdup(value);
	}
	fclose(f);
	return found;
}

static uint16_t conf_port(const char *file, const char *key, const char *otherwise)
{
	const char *text = conf(file, key);
	char *end;
	unsigned long n;

	text = text ? text : otherwise;
	n = strtoul(text, &end, 10);
	if (*end || !n || n > UINT16_MAX)
		die("FATAL:  invalid value for parameter \"%s\": \"%s\"", key, text);
	return (uint16_t)n;
}

/* --- sockets --- */

static int listen_tcp(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0) {
		say("LOG:  could not bind IPv4 socket: %s", strerror(errno));
		die("FATAL:  could not create listen socket for \"0.0.0.0\"");
	}
	return fd;
}

static struct sockaddr_un unix_address(const char *dir, unsigned port)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "%.80s/.s.PGSQL.%u", dir, port);
	return a;
}

static int listen_unix(const char *dir, unsigned port)
{
	struct sockaddr_un a = unix_address(dir, port);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(a.sun_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0)
		die("FATAL:  could not create Unix-domain socket: %s", strerror(errno));
	return fd;
}

static int dial(const char *host, uint16_t port)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	char service[8];
	int fd = -1;

	snprintf(service, sizeof service, "%u", port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

/* Reads a line; -1 at the end of the connection. No deadline: hangs if the other side does. */
static int read_line(int fd, char ret[LINE_BYTES])
{
	size_t len = 0;

	while (len < LINE_BYTES - 1) {
		if (read(fd, ret + len, 1) <= 0)
			return -1;
		if (ret[len++] == '\n')
			break;
	}
	ret[len ? len - 1 : 0] = '\0';
	return 0;
}

__attribute__((format(printf, 2, 3))) static void answer(int fd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(fd, fmt, ap);
	va_end(ap);
}

/* Send a line, read one. */
static int ask(int fd, const char *request, char ret[LINE_BYTES])
{
	answer(fd, "%s\n", request);
	return read_line(fd, ret);
}

/* --- pid files --- */

/* Like the real programs, accepts any process with that id. */
static void lock_file(const char *name, const char *dir, const char *third)
{
	FILE *f = fopen(name, "r");
	int old = 0;

	if (f) {
		if (fscanf(f, "%d", &old) != 1)
			old = 0;
		fclose(f);
	}
	if (old > 0 && (kill(old, 0) == 0 || (errno != ESRCH && errno != EPERM))) {
		say("FATAL:  lock file \"%s\" already exists", name);
		die("HINT:  Is another server (PID %d) running in data directory \"%s\"?", old, dir);
	}
	f = fopen(name, "w");
	if (!f)
		die("FATAL:  could not create lock file \"%s\": %s", name, strerror(errno));
	fprintf(f, "%d\n%s\n%s\n", getpid(), dir, third);
	fclose(f);
}

/* Signals are read like input. */
static int open_signals(void)
{
	static const int all[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		signal(all[i], SIG_DFL); /* a background job of a shell ignores some */
		sigaddset(&set, all[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int next_signal(int fd)
{
	struct signalfd_siginfo s;

	return read(fd, &s, sizeof s) == sizeof s ? (int)s.ssi_signo : 0;
}

/* --- gtm: assigns transaction numbers, and saves the last one only at a regular stop --- */

struct gtm {
	const char *dir;
	bool standby;
	uint32_t gxid;
	char standby_ip[INET_ADDRSTRLEN]; uint16_t standby_port; /* lost when it ends */
	char remembered[4096]; /* node names in register.node, between blanks: refused without a message */
	struct pollfd at[CLIENTS + 2]; nfds_t count;
};

static void gtm_restore(struct gtm *g, uint32_t told)
{
	FILE *f = fopen("gtm.control", "r");
	char name[LINE_BYTES];

	g->gxid = FIRST_GXID;
	if (f) {
		if (fread(&g->gxid, sizeof g->gxid, 1, f) != 1)
			g->gxid = FIRST_GXID;
		fclose(f);
	}
	say("LOG:  Restoring last GXID to %u", g->gxid);
	if (told)
		g->gxid = told;
	f = fopen("register.node", "r");
	while (f && fscanf(f, "%255s", name) == 1)
		snprintf(g->remembered + strlen(g->remembered), sizeof g->remembered - strlen(g->remembered), " %s ", name);
	if (f)
		fclose(f);
}

static void gtm_save(const struct gtm *g)
{
	FILE *f = fopen("gtm.control", "w");

	if (f) {
		fwrite(&g->gxid, sizeof g->gxid, 1, f);
		fclose(f);
	}
	unlink("register.node");
}

/* The standby connects first; from then on the GTM connects to it, once per proxy. Nothing else is remembered. */
static void gtm_meet(struct gtm *g, int fd, const char *word)
{
	struct sockaddr_in peer = { 0 };
	socklen_t len = sizeof peer;

	if (!strncmp(word, "standby ", 8)) {
		getpeername(fd, (struct sockaddr *)&peer, &len);
		inet_ntop(AF_INET, &peer.sin_addr, g->standby_ip, sizeof g->standby_ip);
		g->standby_port = (uint16_t)atoi(word + 8);
	} else if (g->standby_port) {
		int standby = dial(g->standby_ip, g->standby_port);

		say(standby < 0 ? "LOG:  Failed to establish a connection with GTM standby."
				: "LOG:  Connection established with GTM standby.");
		if (standby >= 0)
			answer(standby, "active\n"); /* the connection stays open */
	}
	answer(fd, "ok\n");
}

static void gtm_register(struct gtm *g, int fd, const char *name)
{
	char between[LINE_BYTES + 2];
	FILE *f;

	snprintf(between, sizeof between, " %s ", name);
	if (strstr(g->remembered, between)) {
		say("LOG:  Failed to register node %s: it is connected", name);
		return; /* the refusal is lost */
	}
	f = fopen("register.node", "a");
	if (f) {
		fprintf(f, "%s\n", name);
		fclose(f);
	}
	answer(fd, "ok\n");
}

/* Handles a client's request; false if the client is gone. */
static bool gtm_serve(struct gtm *g, int fd)
{
	char line[LINE_BYTES];

	if (read_line(fd, line) < 0)
		return false;
	if (!strncmp(line, "proxy ", 6) || !strncmp(line, "standby ", 8))
		gtm_meet(g, fd, line);
	else if (!strcmp(line, "begin"))
		answer(fd, "%u\n", g->gxid++);
	else if (!strcmp(line, "snapshot"))
		answer(fd, "%u\n", g->gxid);
	else if (!strncmp(line, "register ", 9))
		gtm_register(g, fd, line + 9);
	else if (strcmp(line, "active") != 0)
		say("FATAL:  Expecting a startup message, but received %s", line);
	return true;
}

static void gtm_stop(struct gtm *g, int sig)
{
	if (sig == SIGTERM && g->count > 2)
		return; /* smart: waits for its clients forever */
	if (sig == SIGTERM || sig == SIGINT)
		gtm_save(g);
	unlink("gtm.pid");
	_exit(0);
}

static void gtm_join(uint16_t port)
{
	const char *host = conf("gtm.conf", "active_host");
	uint16_t active_port = conf_port("gtm.conf", "active_port", "6666");
	char line[LINE_BYTES], word[32];
	int fd;

	say("LOG:  Connecting the GTM active on %s:%u...", host ? host : "", active_port);
	fd = host ? dial(host, active_port) : -1;
	snprintf(word, sizeof word, "standby %u", port);
	if (fd < 0 || ask(fd, word, line) < 0)
		die("FATAL:  Failed to establish a connection to active-GTM.");
	close(fd);
	say("LOG:  Startup connection with the active-GTM closed");
}

static int run_gtm(const char *dir, uint32_t told)
{
	static struct gtm g;
	const char *startup = conf("gtm.conf", "startup");
	uint16_t port = conf_port("gtm.conf", "port", "6666");
	int sig;

	g.dir = dir;
	g.standby = startup && !strcmp(startup, "STANDBY");
	if (!conf("gtm.conf", "nodename"))
		die("Nodename must be specified");
	log_file = fopen("gtm.log", "a");
	lock_file("gtm.pid", dir, g.standby ? "0" : "1");
	gtm_restore(&g, told);
	g.at[0] = (struct pollfd){ .fd = open_signals(), .events = POLLIN };
	g.at[1] = (struct pollfd){ .fd = listen_tcp(port), .events = POLLIN };
	g.count = 2;
	if (g.standby)
		gtm_join(port);
	for (;;) {
		if (poll(g.at, g.count, -1) < 0)
			continue;
		if (g.at[0].revents && (sig = next_signal(g.at[0].fd)) && sig != SIGHUP && sig != SIGUSR1)
			gtm_stop(&g, sig);
		for (nfds_t i = g.count - 1; i > 1; i--) {
			if (!g.at[i].revents || gtm_serve(&g, g.at[i].fd))
				continue;
			close(g.at[i].fd);
			g.at[i] = g.at[--g.count];
		}
		if (g.at[1].revents && g.count < CLIENTS + 2)
			g.at[g.count++] = (struct pollfd){ .fd = accept(g.at[1].fd, NULL, NULL), .events = POLLIN };
	}
}

/* --- gtm_proxy: forwards requests, until a connection sends none --- */

__attribute__((noreturn)) static void *idle(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

/* On a stop: ends; or never; or, if wedged, becomes a process without a pid file whose first thread has ended. */
static void proxy_stop(bool wedged, bool lost)
{
	if (lost)
		return;
	unlink("gtm_proxy.pid");
	if (wedged)
		syscall(SYS_exit, 0);
	_exit(0);
}

/* Serves a client. Returns true if that wedged the proxy. */
static bool proxy_serve(int fd, int gtm, bool *lost)
{
	char request[LINE_BYTES], reply[LINE_BYTES];

	if (read_line(fd, request) < 0) {
		say("LOG:  a connection without a startup message");
		return true;
	}
	if (*lost || ask(gtm, request, reply) < 0) {
		*lost = true; /* neither answers nor hangs up */
		return false;
	}
	answer(fd, "%s\n", reply);
	close(fd);
	return false;
}

static int run_proxy(const char *dir)
{
	static const char file[] = "gtm_proxy.conf";
	uint16_t port = conf_port(file, "port", "6666"), gtm_port = conf_port(file, "gtm_port", "6668");
	const char *host = conf(file, "gtm_host"), *name = conf(file, "nodename");
	bool wedged = false, lost = false;
	char line[LINE_BYTES], word[LINE_BYTES];
	struct pollfd at[3];
	pthread_t thread;
	int gtm, sig;

	lock_file("gtm_proxy.pid", dir, "1");
	gtm = dial(host ? host : "", gtm_port);
	snprintf(word, sizeof word, "proxy %.60s", name ? name : "");
	if (gtm < 0 || ask(gtm, word, line) < 0) {
		say("FATAL:  can not connect to GTM"); /* before its log is open */
		die("LOCATION:  ConnectGTM, proxy_main.c:3356");
	}
	log_file = fopen("gtm_proxy.log", "a");
	at[0] = (struct pollfd){ .fd = open_signals(), .events = POLLIN };
	at[1] = (struct pollfd){ .fd = listen_tcp(port), .events = POLLIN };
	at[2] = (struct pollfd){ .fd = gtm, .events = POLLIN };
	pthread_create(&thread, NULL, idle, NULL);
	say("LOG:  Starting GTM proxy at (0.0.0.0:%u)", port);
	for (;;) {
		if (poll(at, 3, -1) < 0)
			continue;
		if (at[0].revents && (sig = next_signal(at[0].fd)) && sig != SIGHUP && sig != SIGUSR1)
			proxy_stop(wedged, lost);
		if (at[2].revents) {
			lost = true; /* keeps the dead connection, too */
			at[2].fd = -1;
		}
		if (at[1].revents && !wedged)
			wedged = proxy_serve(accept(at[1].fd, NULL, NULL), gtm, &lost);
		if (wedged)
			at[1].fd = -1; /* still listens */
	}
}

/* --- postgres --- */

struct server {
	const char *dir, *name;
	bool coordinator;
	uint16_t port, gtm_port;
	const char *gtm_host;
	bool registered;
	pid_t child; /* outlives a killed postmaster */
};

static int ask_gtm(const struct server *s, const char *request, char ret[LINE_BYTES])
{
	int fd = dial(s->gtm_host, s->gtm_port), r;

	if (fd < 0)
		return -1;
	r = ask(fd, request, ret);
	close(fd);
	return r;
}

/* 512 kB below the limit of the stack: the default limit of 8 MiB is too little for 8MB. */
static void check_stack(void)
{
	const char *wanted = conf("postgresql.conf", "max_stack_depth");
	struct rlimit limit;
	unsigned long kb = wanted ? strtoul(wanted, NULL, 10) * (strstr(wanted, "MB") ? 1024 : 1) : 2048;

	getrlimit(RLIMIT_STACK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY || kb <= limit.rlim_cur / 1024 - 512)
		return;
	say("FATAL:  invalid value for parameter \"max_stack_depth\": %lu", kb);
	say("DETAIL:  \"max_stack_depth\" must not exceed %lukB.", (unsigned long)limit.rlim_cur / 1024 - 512);
	die("HINT:  Increase the platform's stack depth limit via \"ulimit -s\" or local equivalent.");
}

/* A row is the number of the transaction that wrote it; rows of future transactions are invisible. */
static unsigned visible_rows(unsigned snapshot)
{
	FILE *f = fopen("fake.rows", "r");
	unsigned xid, count = 0;

	while (f && fscanf(f, "%u", &xid) == 1)
		count += xid < snapshot;
	if (f)
		fclose(f);
	return count;
}

static void insert_row(unsigned xid)
{
	FILE *f = fopen("fake.rows", "a");

	if (f) {
		fprintf(f, "%u\n", xid);
		fclose(f);
	}
	f = fopen("global/pg_control", "w");
	if (f) {
		fprintf(f, "%u\n", xid + 1);
		fclose(f);
	}
}

static void backend(const struct server *s, int fd)
{
	char query[LINE_BYTES], reply[LINE_BYTES];
	bool insert;

	if (read_line(fd, query) < 0)
		_exit(0);
	insert = !strcmp(query, "insert");
	if (ask_gtm(s, insert ? "begin" : "snapshot", reply) < 0) {
		answer(fd, "WARNING:  can not connect to GTM: Connection refused\n"
			   "ERROR:  GTM error, could not obtain snapshot\n");
		_exit(0);
	}
	if (insert) {
		insert_row((unsigned)strtoul(reply, NULL, 10));
		answer(fd, "INSERT 0 1\n");
	} else if (!strcmp(query, "count")) {
		answer(fd, "%u\n", visible_rows((unsigned)strtoul(reply, NULL, 10)));
	} else if (!strcmp(query, "select 1")) {
		answer(fd, "1\n");
	} else if (!strncmp(query, "select 1, count(*) from pg_catalog.pg_prepared_xacts ", 53)) {
		answer(fd, "1|0\n");
	} else if (!strcmp(query, "select pgxc_pool_reload()")) {
		answer(fd, "t\n");
	} else {
		answer(fd, "ERROR:  syntax error at or near \"%s\"\n", query);
	}
	_exit(0);
}

static void register_server(struct server *s)
{
	char word[LINE_BYTES], reply[LINE_BYTES];

	if (s->registered)
		return;
	snprintf(word, sizeof word, "register %.60s", s->name);
	if (ask_gtm(s, word, reply) < 0) {
		unlink("postmaster.pid");
		die("FATAL,58030,\"Can not register %s on GTM\"", s->coordinator ? "Coordinator" : "Datanode");
	}
	s->registered = true;
	say("LOG,00000,\"registered at the GTM\"");
}

static void server_signal(struct server *s, int sig)
{
	char reply[LINE_BYTES];

	if (sig == SIGUSR1) {
		register_server(s);
	} else if (sig == SIGHUP) {
		say("LOG,00000,\"received SIGHUP, reloading configuration files\"");
	} else if (sig == SIGQUIT || !s->coordinator || ask_gtm(s, "snapshot", reply) == 0) {
		kill(s->child, SIGKILL);
		unlink("postmaster.pid");
		_exit(0);
	} /* otherwise: a coordinator without a GTM does not stop */
}

static int run_postgres(const char *dir, bool coordinator)
{
	static const char file[] = "postgresql.conf";
	struct server s = { .dir = dir, .coordinator = coordinator, .port = conf_port(file, "port", "5432"),
			    .gtm_port = conf_port(file, "gtm_port", "6666"), .gtm_host = conf(file, "gtm_host"),
			    .name = conf(file, "pgxc_node_name") };
	struct pollfd at[3];
	int fd, sig, memory;

	if (!s.name)
		die("FATAL:  pgxc_node_name is not set");
	check_stack();
	lock_file("postmaster.pid", dir, "");
	memory = open("fake.memory", O_RDWR | O_CREAT, 0600); /* inherited by every process of the server */
	if (flock(memory, LOCK_EX | LOCK_NB) < 0)
		die("FATAL:  pre-existing shared memory block is still in use");
	at[0] = (struct pollfd){ .fd = open_signals(), .events = POLLIN };
	at[1] = (struct pollfd){ .fd = listen_tcp(s.port), .events = POLLIN };
	at[2] = (struct pollfd){ .fd = listen_unix(".", s.port), .events = POLLIN };
	signal(SIGCHLD, SIG_IGN);
	s.child = fork();
	if (s.child == 0) {
		for (int i = 0; i < 3; i++)
			close(at[i].fd);
		idle(NULL);
	}
	mkdir("pg_log", 0700);
	log_file = fopen("pg_log/postgresql-fake.csv", "a");
	say("LOG,00000,\"database system is ready to accept connections\"");
	for (;;) {
		if (poll(at, 3, -1) < 0)
			continue;
		if (at[0].revents && (sig = next_signal(at[0].fd)))
			server_signal(&s, sig);
		for (int i = 1; i < 3; i++) {
			if (!at[i].revents || (fd = accept(at[i].fd, NULL, NULL)) < 0)
				continue;
			if (fork() == 0) {
				close(at[1].fd);
				close(at[2].fd);
				backend(&s, fd);
			}
			close(fd);
		}
	}
}

/* psql -h DIR -p PORT -c QUERY */
static int run_psql(const char *dir, unsigned port, const char *query)
{
	struct sockaddr_un a = unix_address(dir, port);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), status = 0;
	char line[LINE_BYTES];

	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		fprintf(stderr, "psql: could not connect to server: %s\n", strerror(errno));
		return 2;
	}
	answer(fd, "%s\n", query);
	while (read_line(fd, line) == 0) {
		bool bad = !strncmp(line, "ERROR", 5);

		status |= bad;
		fprintf(bad || !strncmp(line, "WARNING", 7) ? stderr : stdout, "%s\n", line);
	}
	return status;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/'), *dir = NULL, *query = "";
	bool coordinator = false;
	unsigned number = 0, port = 0;
	int c;

	name = name ? name + 1 : argv[0];
	if (argc == 2 && !strcmp(argv[1], "--version"))
		return printf("%s (Postgres-XC) 1.0.2\n", name) < 0;
	while ((c = getopt(argc, argv, !strcmp(name, "psql") ? "XAtqwF:h:p:U:c:" : "D:CXx:")) != -1) {
		switch (c) {
		case 'D':
		case 'h': dir = optarg; break;
		case 'C': coordinator = true; break;
		case 'x': number = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'p': port = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'c': query = optarg; break;
		case '?': return 1;
		default: break;
		}
	}
	if (!dir)
		die("%s: no directory", name);
	if (!strcmp(name, "psql"))
		return run_psql(dir, port, query);
	if (chdir(dir) < 0)
		die("%s: %s: %s", name, dir, strerror(errno));
	setsid();
	if (!strcmp(name, "gtm"))
		return run_gtm(dir, number);
	if (!strcmp(name, "gtm_proxy"))
		return run_proxy(dir);
	if (!strcmp(name, "postgres"))
		return run_postgres(dir, coordinator);
	die("%s: I stand in for gtm, gtm_proxy, postgres and psql", name);
}
