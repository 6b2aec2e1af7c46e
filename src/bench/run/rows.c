/* SPDX-License-Identifier: PostgreSQL */
#include "rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "recipe.h"
#include "sql.h"

#define CONNECT_MS 2000
#define COMMIT_MS 5000    /* then the transaction is doubtful */
#define PAUSE_MS 100      /* before the next server is tried */
#define BATCH 20000       /* rows that the check reads at once */
#define WRITER_SHIFT 32   /* id = writer << 32 | number << 1 | which of the two */

struct writer { struct tx *all; unsigned count, numbers, at; };

struct server { const struct node *node; unsigned port; };

struct rows {
	struct runtime *rt;
	struct server *servers; unsigned server_count; /* those that may accept rows */
	struct writer *writers; unsigned writer_count;
	int64_t pause_ms;   /* between two transactions of a writer */
	int64_t begun_ms;   /* by the clock */
	struct tx *merged; unsigned merged_count;
	bool takeover;      /* only one of .servers accepts rows */
};

struct rows *rows_new(struct runtime *rt, unsigned writers, unsigned rate)
{
	const struct lab *lab = runtime_lab(rt);
	const struct recipe *r = lab->cluster.recipe;
	struct rows *w = calloc(1, sizeof *w);
	struct server *servers = calloc(lab->node_count, sizeof *servers);
	struct writer *all = calloc(writers ? writers : 1, sizeof *all);
	int role = lab_role(lab, r->psql_role), from = -1;

	if (!w || !servers || !all)
		abort();
	if (r->takeover && !strcmp(r->takeover->role, r->psql_role))
		from = lab_role(lab, r->takeover->from);
	*w = (struct rows){ .rt = rt, .servers = servers, .writers = all, .writer_count = writers, .takeover = from >= 0,
			    .pause_ms = writers ? 1000 * (int64_t)writers / rate : 0 };
	for (unsigned turn = 0; turn < 2; turn++) { /* first those that have the role now */
		int wanted = turn ? from : role;

		for (unsigned i = 0; wanted >= 0 && i < lab->node_count; i++)
			if (node_has_role(&lab->nodes[i], wanted))
				w->servers[w->server_count++] = (struct server){ &lab->nodes[i], lab->cluster.places[wanted].port };
	}
	for (unsigned i = 0; i < writers && !w->takeover; i++)
		all[i].at = i % w->server_count;
	return w;
}

void rows_free(struct rows *w)
{
	for (unsigned i = 0; i < w->writer_count; i++)
		free(w->writers[i].all);
	free(w->merged);
	free(w->writers);
	free(w->servers);
	free(w);
}

/* A connection to a server that accepts rows: @at or, if it does not, the ones after it. */
static int open_one(struct rows *w, unsigned *at, int64_t deadline_ms, struct sql **ret, struct fail *e)
{
	const struct server *s = &w->servers[*at];
	auto_(strbuf_clear) struct strbuf standby = { 0 };
	auto_(sql_close) struct sql *sql = NULL;

	*at = (*at + 1) % w->server_count;
	if (runtime_sql(w->rt, s->node, s->port, NULL, false, deadline_ms, &sql, e) < 0)
		return -1;
	if (w->takeover && sql_value(sql, "SELECT pg_is_in_recovery()", deadline_ms, &standby, NULL, e) < 0)
		return -1;
	if (w->takeover && strcmp(strbuf_text(&standby), "f") != 0)
		return fail(e, FAIL_DB, "%s accepts no rows: it is a standby", s->node->name);
	*at = (unsigned)(s - w->servers);
	*ret = steal(sql);
	return 0;
}

static int open_any(struct rows *w, int64_t deadline_ms, struct sql **ret, struct fail *e)
{
	unsigned at = 0;

	for (;;) {
		for (unsigned i = 0; i < w->server_count; i++)
			if (open_one(w, &at, deadline_ms, ret, e) == 0)
				return 0;
		if (e->code == FAIL_CANCELED)
			return -1;
		if (clock_left_ms(deadline_ms) < PAUSE_MS)
			return fail_wrap(e, "no server accepts rows");
		clock_sleep_ms(PAUSE_MS);
	}
}

int rows_create(struct rows *w, int64_t deadline_ms, struct fail *e)
{
	const char *name = runtime_lab(w->rt)->cluster.recipe->rows, *blocks;
	auto_(sql_close) struct sql *sql = NULL;
	bool changed;

	blocks = library_text(runtime_library(w->rt), name);
	if (!blocks)
		return fail(e, FAIL_OTHER, "%s is missing", name);
	if (open_any(w, deadline_ms, &sql, e) < 0)
		return -1;
	return sql_blocks(sql, name, blocks, deadline_ms, &changed, e);
}

int rows_drop(struct rows *w, int64_t deadline_ms, struct fail *e)
{
	auto_(sql_close) struct sql *sql = NULL;

	if (open_any(w, deadline_ms, &sql, e) < 0)
		return -1;
	return sql_value(sql, "DROP TABLE labctl_rows", deadline_ms, NULL, NULL, e);
}

void rows_begin(struct rows *w)
{
	w->begun_ms = clock_now_ms();
}

static void add(struct rows *w, unsigned writer, int64_t begun_ms, enum tx_outcome outcome)
{
	struct writer *v = &w->writers[writer];

	if (!(v->count & (v->count - 1))) { /* a power of two: full */
		v->all = reallocarray(v->all, v->count ? 2 * v->count : 1, sizeof *v->all);
		if (!v->all)
			abort();
	}
	v->all[v->count++] = (struct tx){ .begun_ms = begun_ms - w->begun_ms, .ended_ms = clock_now_ms() - w->begun_ms,
					  .writer = (uint16_t)writer, .number = v->numbers, .outcome = (uint8_t)outcome };
	v->numbers += outcome != TX_REFUSED;
}

static int64_t id_of(unsigned writer, uint32_t number, unsigned half)
{
	return (int64_t)writer << WRITER_SHIFT | (int64_t)number << 1 | half;
}

/* One transaction: a statement, which commits by itself. */
static enum tx_outcome write_pair(struct sql *sql, unsigned writer, uint32_t number)
{
	struct fail ignored = { 0 };
	char insert[128];

	snprintf(insert, sizeof insert, "INSERT INTO labctl_rows VALUES (%" PRId64 "), (%" PRId64 ")", id_of(writer, number, 0),
		 id_of(writer, number, 1));
	if (sql_value(sql, insert, clock_after_ms(COMMIT_MS), NULL, NULL, &ignored) == 0)
		return TX_COMMITTED;
	return ignored.code == FAIL_DB && !sql_broken(sql) ? TX_FAILED : TX_DOUBTFUL;
}

void rows_write(struct rows *w, unsigned writer, const atomic_bool *stop)
{
	struct writer *v = &w->writers[writer];
	auto_(sql_close) struct sql *sql = NULL;
	int64_t due = w->begun_ms;
	struct fail ignored;

	while (!atomic_load(stop)) {
		int64_t begun = clock_now_ms();
		enum tx_outcome outcome = TX_REFUSED;

		ignored = (struct fail){ 0 };
		if (sql || open_one(w, &v->at, clock_after_ms(CONNECT_MS), &sql, &ignored) == 0)
			outcome = write_pair(sql, writer, v->numbers);
		add(w, writer, begun, outcome);
		if (sql && outcome == TX_DOUBTFUL)
			sql_close(steal(sql));
		/* An outage is no reason to write faster afterwards. */
		due = due + w->pause_ms > clock_now_ms() ? due + w->pause_ms : clock_now_ms();
		clock_sleep_ms(outcome == TX_REFUSED || outcome == TX_FAILED ? PAUSE_MS : clock_left_ms(due));
	}
}

const struct tx *rows_all(struct rows *w, unsigned *ret_count)
{
	if (!w->merged) {
		for (unsigned i = 0; i < w->writer_count; i++)
			w->merged_count += w->writers[i].count;
		w->merged = calloc(w->merged_count ? w->merged_count : 1, sizeof *w->merged);
		if (!w->merged)
			abort();
		for (unsigned i = 0, n = 0; i < w->writer_count; n += w->writers[i++].count)
			if (w->writers[i].count)
				memcpy(&w->merged[n], w->writers[i].all, w->writers[i].count * sizeof *w->merged);
		qsort(w->merged, w->merged_count, sizeof *w->merged, tx_compare);
	}
	*ret_count = w->merged_count;
	return w->merged;
}

/* What is there: of each number of each writer, which of the two rows, as bits. */
struct there { const struct rows *w; uint8_t **seen; int64_t last; unsigned got; };

static void see(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct there *t = ctx;
	int64_t id = columns && values[0] ? strtoll(values[0], NULL, 10) : -1;
	unsigned writer = (unsigned)(id >> WRITER_SHIFT);
	uint32_t number = (uint32_t)(id & INT64_C(0xffffffff)) >> 1;

	(void)names;
	t->got++;
	t->last = id;
	if (id >= 0 && writer < t->w->writer_count && number < t->w->writers[writer].numbers)
		t->seen[writer][number] |= (uint8_t)(1u << (id & 1));
}

static void count(const struct tx *x, uint8_t seen, struct rows_check *ret)
{
	ret->by_outcome[x->outcome]++;
	if (x->outcome == TX_REFUSED)
		return;
	ret->lost += x->outcome == TX_COMMITTED && !seen;
	ret->torn += seen == 1 || seen == 2;
	ret->doubtful_there += x->outcome == TX_DOUBTFUL && seen;
	ret->failed_there += x->outcome == TX_FAILED && seen;
}

int rows_verify(struct rows *w, int64_t deadline_ms, struct rows_check *ret, struct fail *e)
{
	auto_(sql_close) struct sql *sql = NULL;
	auto_(free) uint8_t **seen = calloc(w->writer_count ? w->writer_count : 1, sizeof *seen);
	struct there t = { .w = w, .seen = seen, .last = -1 };
	int r;

	if (!seen)
		abort();
	for (unsigned i = 0; i < w->writer_count; i++) {
		seen[i] = calloc(w->writers[i].numbers + 1u, 1);
		if (!seen[i])
			abort();
	}
	r = open_any(w, deadline_ms, &sql, e);
	do {
		char query[128];

		snprintf(query, sizeof query, "SELECT id FROM labctl_rows WHERE id > %" PRId64 " ORDER BY id LIMIT %d", t.last, BATCH);
		t.got = 0;
		r = r < 0 ? r : sql_rows(sql, query, NULL, deadline_ms, see, &t, e);
	} while (r == 0 && t.got == BATCH);
	*ret = (struct rows_check){ 0 };
	for (unsigned i = 0; i < w->writer_count; i++) {
		for (unsigned k = 0; r == 0 && k < w->writers[i].count; k++) {
			const struct tx *x = &w->writers[i].all[k];

			count(x, x->outcome == TX_REFUSED ? 0 : seen[i][x->number], ret);
		}
		free(seen[i]);
	}
	return r;
}
