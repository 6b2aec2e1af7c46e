/* SPDX-License-Identifier: PostgreSQL */
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints.h"
#include "clock.h"
#include "file.h"
#include "meter.h"
#include "proc.h"
#include "recipe.h"
#include "run.h"
#include "sql.h"
#include "stats.h"
#include "txlog.h"

#define LOAD_MS 3600000      /* of a data set */
#define RESET_MS 600000
#define RESET_TRIES 3        /* Postgres-XC 1.0 loses a snapshot of the GTM now and then */
#define CHECK_MS 300000
#define CHECKPOINT_MS 600000
#define DRIVER_SLACK_MS 60000 /* what a driver may need beyond its time: to connect, to finish the last transaction */
#define READ_MS 600000
#define SETTLE_MS 90000       /* after a scenario: Citus ends what was prepared once a minute */
#define SETTLE_PAUSE_MS 3000
#define PLAY_MAX_S 100000u   /* a scenario ends its load itself */
#define CONNECT_S 1.         /* drivers run longer by this, since they count their time from before they connect */
#define SATURATED .9         /* of the processor time that the driver's threads can use */
#define KEPT_RATE .97        /* below this part of the scheduled transactions, the schedule was not kept... */
#define KEPT_SIGMAS 3.       /* ...unless chance explains it: arrivals are a Poisson process */

static const char *kind_of(const struct measurer *w)
{
	return runtime_lab(w->rt)->cluster.recipe->kind;
}

static int dataset_run(struct measurer *w, const struct dataset *d, enum dataset_file file, const char *what, int64_t limit_ms,
		       struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *text;

	w->say(w->say_ctx, arena_printf(a, "%s the data of %s", what, d->name));
	if (dataset_text(runtime_library(w->rt), d, file, kind_of(w), w->spec->scale, a, &text, e) < 0)
		return -1;
	if (servers_run(w->servers, d->name, text, clock_after_ms(limit_ms), e) < 0)
		return fail_wrap(e, "%s the data of %s", what, d->name);
	return 0;
}

#define COPY "labctl_bench_copy"
/* Sessions of drivers that were aborted may still be open. */
#define DROP(database) "--@ run\ndrop database if exists " database " with (force);\n"

int measure_make_copy(struct measurer *w, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	w->say(w->say_ctx, "copy the database");
	return servers_administer(w->servers, "copy of the database",
				  arena_printf(a, DROP(COPY) "--@ run\ncreate database " COPY " template %s;\n", w->database),
				  clock_after_ms(LOAD_MS), e);
}

void measure_drop_copy(struct measurer *w)
{
	struct fail ignored;

	servers_administer(w->servers, "copy of the database", DROP(COPY), clock_after_ms(RESET_MS), &ignored);
}

/* A reset looks first what is there, so one that was broken off can run again. */
static int reset_rows(struct measurer *w, const struct dataset *d, struct fail *e)
{
	int64_t deadline = clock_after_ms(RESET_MS);
	int r;

	for (unsigned i = 0; i < RESET_TRIES; i++) {
		r = dataset_run(w, d, DATASET_RESET, "reset", clock_left_ms(deadline), e);
		if (r == 0 || !sql_connection_failed(e))
			break;
	}
	return r;
}

static int reset(struct measurer *w, const struct dataset *d, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	int64_t deadline = clock_after_ms(RESET_MS);

	switch (w->spec->reset) {
	case RESET_TEMPLATE:
		w->say(w->say_ctx, "replace the database by its copy");
		return servers_administer(w->servers, "reset of the database",
					  arena_printf(a, DROP("%s") "--@ run\ncreate database %s template " COPY ";\n", w->database, w->database),
					  deadline, e) < 0 ? -1 : servers_wait(w->servers, deadline, e);
	case RESET_RELOAD:
		return d ? reset_rows(w, d, e) : 0;
	default:
		return 0;
	}
}

/* Adds the checks of the workload's data to @m. Returns 1 if one of them failed: *ret_reason says which. */
static int check(struct measurer *w, const struct workload *workload, struct arena *a, struct bench_measure *m,
		 const char **ret_reason, struct fail *e)
{
	const struct dataset *d = workload->dataset ? dataset_find(workload->dataset) : NULL;
	const char *text;

	if (!d)
		return 0;
	w->say(w->say_ctx, "check the data");
	if (dataset_text(runtime_library(w->rt), d, DATASET_CHECK, kind_of(w), w->spec->scale, a, &text, e) < 0 ||
	    servers_check(w->servers, text, a, &m->checks, &m->check_count, clock_after_ms(CHECK_MS), e) < 0)
		return fail_wrap(e, "check of the data");
	for (unsigned i = 0; i < m->check_count; i++)
		if (!m->checks[i].ok) {
			*ret_reason = arena_printf(a, "the data are wrong: %s: %s", m->checks[i].name, m->checks[i].text);
			return 1;
		}
	return 0;
}

int measure_prepare(struct measurer *w, const struct workload *workload, bool load, struct fail *e)
{
	const struct dataset *d = workload->dataset ? dataset_find(workload->dataset) : NULL;
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_measure m = { 0 };
	const char *reason = "";
	int r;

	if (!d)
		return 0;
	if (load && dataset_run(w, d, DATASET_LOAD, "load", LOAD_MS, e) < 0)
		return -1;
	r = check(w, workload, a, &m, &reason, e);
	return r == 1 ? fail(e, FAIL_DB, "%s after the load: %s", d->name, reason) : r;
}

/* Says that the measurement failed, for the reason @why or, if NULL, @e. */
static int failed(struct arena *a, struct bench_measure *m, const char *why, const struct fail *e)
{
	if (!why && (e->code == FAIL_CANCELED || (e->code == FAIL_OTHER && e->cause == CAUSE_NO_SPACE)))
		return -1;
	m->status = BENCH_FAILED;
	m->reason = arena_strdup(a, why ? why : e->text);
	return 0;
}

/* --- the driver --- */

struct reading { struct txlog log; bool has_lag; unsigned strange; };

static void log_line(void *ctx, const char *line)
{
	struct reading *r = ctx;

	if (!txlog_line(&r->log, line, r->has_lag))
		r->strange++;
}

/* What the shell that ran the drivers printed: "began NANOSECONDS", "exit N STATUS", and the lines of `times`. */
struct outcome { unsigned bad_number, bad_status; double cpu_s; int64_t began_us; };

static void read_outcome(char *text, struct outcome *o)
{
	unsigned number, status, lines = 0;
	double m1, s1, m2, s2;
	long long ns;

	*o = (struct outcome) { 0 };
	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, "exit %u %u", &number, &status) == 2) {
			if (status && !o->bad_status) {
				o->bad_number = number;
				o->bad_status = status;
			}
		} else if (sscanf(line, "began %lld", &ns) == 1) {
			o->began_us = ns / 1000;
		} else if (sscanf(line, "%lfm%lfs %lfm%lfs", &m1, &s1, &m2, &s2) == 4 && ++lines == 2) {
			/* The second line is of the children. */
			o->cpu_s = (m1 + m2) * 60 + s1 + s2;
		}
	}
}

/* The first line of the driver's standard error that is an error. */
struct complaint { const char *error; char text[256]; };

static void error_line(void *ctx, const char *line)
{
	struct complaint *c = ctx;

	if (!*c->text && strncmp(line, "progress: ", 10) != 0 && strstr(line, c->error))
		snprintf(c->text, sizeof c->text, "%s", line);
}

static unsigned part(unsigned total, unsigned count, unsigned i)
{
	return total / count + (i < total % count);
}

static const struct driver *driver_of(const struct measure_order *o)
{
	return driver_find(o->load->workload ? o->load->workload->driver : NULL);
}

/*
 * Of server @i of the target. A scenario may give the role to another server: then all that can have it are named, and libpq takes the one
 * that accepts writes. It must also see that a server is gone that says nothing any more.
 */
static const char *conninfo_of(const struct measurer *w, const struct bench_target *t, unsigned i, struct arena *a)
{
	const struct lab *lab = runtime_lab(w->rt);
	const struct takeover *takeover = lab->cluster.recipe->takeover;
	int from = w->play && takeover && lab_role(lab, takeover->role) == (int)t->role ? lab_role(lab, takeover->from) : -1;
	const char *hosts = t->nodes[i]->ip_text, *ports = arena_printf(a, "%u", lab->cluster.places[t->role].port), *more = "";

	for (unsigned n = 0; from >= 0 && n < lab->node_count; n++)
		if (node_has_role(&lab->nodes[n], from)) {
			hosts = arena_printf(a, "%s,%s", hosts, lab->nodes[n].ip_text);
			ports = arena_printf(a, "%s,%u", ports, lab->cluster.places[from].port);
			more = " target_session_attrs=read-write";
		}
	return arena_printf(a, "host=%s port=%s user=%s dbname=%s passfile=pgpass application_name=labctl%s%s%s%s%s", hosts, ports,
			    lab->cluster.recipe->superuser, w->database, more,
			    w->play ? " connect_timeout=2 keepalives_idle=2 keepalives_interval=1 keepalives_count=3 tcp_user_timeout=5000"
				    : " connect_timeout=10",
			    w->settings ? " options='" : "", w->settings ? w->settings : "", w->settings ? "'" : "");
}

/* Each client is a process. Returns how many. */
static unsigned play_drives(const struct measurer *w, const struct measure_order *o, const struct bench_point *p, struct arena *a,
			    struct strbuf *out)
{
	struct drive *drives = arena_alloc(a, p->clients * sizeof *drives);

	for (unsigned i = 0; i < p->clients; i++)
		drives[i] = (struct drive){ .number = i, .clients = 1, .threads = 1, .seconds = PLAY_MAX_S, .rate_tps = o->rate_tps / p->clients,
					    .script = o->script, .scale = w->spec->scale, .protocol = w->spec->protocol, .seed = o->seed + i,
					    .conninfo = conninfo_of(w, &o->target, i % o->target.node_count, a) };
	play_command(w, driver_of(o), drives, p->clients, out);
	return p->clients;
}

/* Starts one process per server of the target, waits for all, prints their exit status. Returns how many threads they have. */
static unsigned driver_command(const struct measurer *w, const struct measure_order *o, const struct bench_point *p,
			       unsigned seconds, struct arena *a, struct strbuf *out)
{
	const struct bench_target *t = &o->target;
	unsigned cores = client_cores(w->client), threads = 0, count = 0;

	strbuf_str(out, "rm -f out.* err.* log.* pids; echo \"began $(date +%s%N)\"\n");
	for (unsigned i = 0; i < t->node_count; i++) {
		struct drive d = { .number = i, .clients = part(p->clients, t->node_count, i), .seconds = seconds,
				   .rate_tps = o->rate_tps * part(p->clients, t->node_count, i) / p->clients,
				   .script = o->script, .scale = w->spec->scale, .protocol = w->spec->protocol, .seed = o->seed + i };
		unsigned most = w->spec->threads ? w->spec->threads : (cores + t->node_count - 1) / t->node_count;

		if (!d.clients)
			continue;
		d.threads = most < d.clients ? most : d.clients;
		d.conninfo = conninfo_of(w, t, i, a);
		threads += d.threads;
		driver_of(o)->command(&d, out);
		strbuf_printf(out, " & p%u=$!; echo $! >>pids\n", i);
		count = i + 1;
	}
	for (unsigned i = 0; i < count; i++)
		strbuf_printf(out, "wait $p%u; echo \"exit %u $?\"\n", i, i);
	strbuf_str(out, "times\n");
	return threads;
}

/* Keeps what the driver printed and logged in the run's directory. The log is read on the way. */
static int keep(struct measurer *w, const struct driver *driver, struct bench_measure *m, struct arena *a, struct reading *r, struct complaint *c,
		struct fail *e)
{
	int64_t deadline = clock_after_ms(READ_MS);
	const char *dir = arena_printf(a, "%s/raw/%04u", w->run->dir, m->order);
	const char *log = arena_printf(a, "%s/transactions.log", dir);
	const char *const gzip[] = { "gzip", "-1", "-f", log, NULL };

	m->raw = arena_printf(a, "raw/%04u", m->order);
	if (file_remove_tree(dir, e) < 0 || file_mkdirs(dir, 0755, e) < 0 ||
	    client_read(w->client, "out.*", arena_printf(a, "%s/out", dir), NULL, NULL, deadline, e) < 0 ||
	    client_read(w->client, "err.*", arena_printf(a, "%s/err", dir), error_line, c, deadline, e) < 0 ||
	    client_read(w->client, driver->log_pattern, log, log_line, r, deadline, e) < 0)
		return -1;
	txlog_finish(&r->log);
	return proc_check(&(struct proc) { .argv = gzip, .deadline_ms = deadline }, e);
}

static bool is_late(double scheduled, double done)
{
	return done < KEPT_RATE * scheduled && done < scheduled - KEPT_SIGMAS * sqrt(scheduled);
}

/*
 * The measured time is what follows the warm-up, which begins with the first transaction; marked unless it is steady. A
 * driver counts its time from its start: if its connections took long, the measured time is shorter. A scenario is measured to its
 * end, and nobody expects it to be steady.
 */
static void judge(const struct measurer *w, const struct measure_order *o, const struct reading *r, double ran_s, unsigned threads,
		  struct arena *a, struct bench_measure *m)
{
	double total = w->play ? ran_s : o->warmup_s + w->spec->time_s;
	struct stats_steady steady;
	unsigned count;
	double *seconds;

	if (ran_s < total || w->play)
		total = o->warmup_s + floor(ran_s > o->warmup_s ? ran_s - o->warmup_s : 0);
	seconds = txlog_seconds(&r->log, total, a, &count);
	txlog_measure(&r->log, o->warmup_s, total - o->warmup_s, a, m);
	stats_find_steady(seconds, count, 0, &steady);
	if (!w->play && steady.why == STATS_OK && (steady.drifts || steady.discard > o->warmup_s))
		m->marks |= BENCH_DRIFTS;
	if (m->client_cpu > SATURATED * (threads < m->client_cores ? threads : m->client_cores))
		m->marks |= BENCH_SATURATED;
	if (!w->play && o->rate_tps > 0 && (r->log.skipped || is_late(o->rate_tps * m->seconds, (double)m->transactions)))
		m->marks |= BENCH_LATE;
}

static int by_time(const void *a, const void *b)
{
	const struct bench_event *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* What the scenario has to say. */
static void tell(const struct measurer *w, const struct txlog *log, int64_t from_us, struct arena *a, struct bench_measure *m)
{
	const char *reason = NULL;
	const struct tx *load;
	unsigned count;

	if (!w->play)
		return;
	load = txlog_outcomes(log, from_us, a, &count);
	w->play->tell(w->play->ctx, from_us, load, count, a, m, &reason);
	if (m->series.event_count)
		qsort(m->series.events, m->series.event_count, sizeof *m->series.events, by_time);
	if (reason)
		failed(a, m, reason, NULL);
}

static int drive(struct measurer *w, const struct measure_order *o, struct arena *a, struct bench_measure *m, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf command = { 0 }, out = { 0 };
	auto_(meter_free) struct meter *meter = NULL;
	auto_(checkpoints_free) struct checkpoints *checkpoints = NULL;
	struct reading r = { .has_lag = o->rate_tps > 0 };
	struct complaint complaint = { .error = driver_of(o)->error };
	unsigned total = (unsigned)(o->warmup_s + w->spec->time_s + CONNECT_S + .999);
	struct server_stats before, after;
	struct outcome outcome;
	unsigned threads = w->play ? play_drives(w, o, m->point, a, &command) : driver_command(w, o, m->point, total, a, &command);
	int64_t from_us, end_us;
	int ran;

	servers_stats(w->servers, a, &before);
	meter = meter_start(w->rt);
	checkpoints = checkpoints_start(w->servers);
	w->say(w->say_ctx, "measure");
	ran = w->play ? play_run(w, strbuf_text(&command), o->warmup_s, &out, &end_us, e)
		      : client_run(w->client, strbuf_text(&command), clock_after_ms(total * 1000 + DRIVER_SLACK_MS), NULL, NULL, &out, e);
	meter_stop(meter);
	checkpoints_stop(checkpoints);
	if (ran < 0)
		client_signal(w->client, "TERM");
	if (ran < 0 && e->code == FAIL_CANCELED)
		return fail(e, FAIL_CANCELED, "interrupted");
	servers_stats(w->servers, a, &after);
	servers_difference(&before, &after, a, &m->counters, &m->counter_count);
	if (ran < 0)
		return failed(a, m, NULL, e);
	read_outcome(out.text, &outcome);
	if (keep(w, driver_of(o), m, a, &r, &complaint, e) < 0) {
		txlog_clear(&r.log);
		return -1;
	}
	if (!w->play)
		end_us = outcome.began_us + (int64_t)total * 1000000;
	m->client_cores = client_cores(w->client);
	m->client_cpu = outcome.cpu_s * 1e6 / (double)(end_us - outcome.began_us);
	judge(w, o, &r, (double)(end_us - r.log.start_us) / 1e6, threads, a, m);
	from_us = r.log.start_us + (int64_t)(o->warmup_s * 1e6);
	meter_tracks(meter, from_us, m->series.seconds, a, &m->series);
	checkpoints_events(checkpoints, from_us, m->series.seconds, a, &m->series);
	meter_counters(meter, from_us, m->series.seconds, a, &m->counters, &m->counter_count);
	tell(w, &r.log, from_us, a, m);
	/* pgbench exits with 2 when clients were aborted, and prints what the others did. */
	if (outcome.bad_status)
		failed(a, m, arena_printf(a, "%s exited with %u: %s", driver_of(o)->program, outcome.bad_status,
					  *complaint.text ? complaint.text : "see raw/"), NULL);
	else if (r.strange > (w->play ? threads : 0)) /* one that had to be killed, since its server did not answer, leaves half a line */
		failed(a, m, arena_printf(a, "%u lines of the transaction log cannot be read", r.strange), NULL);
	else if (m->seconds < 1)
		failed(a, m, arena_printf(a, "connecting took most of the %u s", total), NULL);
	else if (!m->transactions)
		failed(a, m, m->failed ? "every transaction failed" : "no transaction ended in the measured time", NULL);
	txlog_clear(&r.log);
	return 0;
}

int measure_point(struct measurer *w, const struct measure_order *o, struct arena *a, struct bench_measure *m, struct fail *e)
{
	const struct workload *workload = o->load->workload;
	const struct dataset *d = workload && workload->dataset ? dataset_find(workload->dataset) : NULL;
	const char *reason = NULL;
	int64_t deadline;
	int r;

	m->started_ms = clock_wall_ms();
	m->rate_tps = o->rate_tps;
	m->series = (struct bench_series) { 0 };
	if (reset(w, d, e) < 0)
		return failed(a, m, NULL, e);
	w->say(w->say_ctx, "checkpoint");
	if (servers_checkpoint(w->servers, clock_after_ms(CHECKPOINT_MS), e) < 0)
		return failed(a, m, NULL, e);
	if (drive(w, o, a, m, e) < 0)
		return -1;
	if (!workload || (m->status == BENCH_FAILED && !w->play))
		return 0;
	deadline = clock_after_ms(w->play ? SETTLE_MS : 0);
	while ((r = check(w, workload, a, m, &reason, e)) != 0 && clock_left_ms(deadline) > SETTLE_PAUSE_MS && !atomic_load(w->cancel))
		clock_sleep_ms(SETTLE_PAUSE_MS);
	if (m->status == BENCH_FAILED) /* that has its reason already; the database can only be dropped when this is over */
		return 0;
	return r == 0 ? 0 : failed(a, m, r == 1 ? reason : NULL, e);
}
