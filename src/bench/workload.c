/* SPDX-License-Identifier: PostgreSQL */
#include "workload.h"

#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "template.h"

#define ALL "citus pgxc postgres"

const struct dataset datasets[] = {
	{ "tpcb-branch", "tables of pgbench, distributed by branch", ALL, "tpcb" },
	{ "tpcb-key", "tables of pgbench, each distributed by its own key", ALL, "tpcb" },
	{ "pack", "tables with a known number of shards per transaction", ALL, "pack" },
	{ "sysbench", "the table of sysbench's oltp scripts", ALL, "sysbench" },
	{ 0 },
};

/* The order is that of reports. */
const struct workload workloads[] = {
	{ "select-only", "read an account by its key", "tpcb-key", ALL, NULL, 1, false, NULL },
	{ "simple-update", "update and read an account, insert into history", "tpcb-key", ALL, NULL, 1, true, NULL },
	{ "tpcb", "TPC-B-like, within a branch, distributed by branch", "tpcb-branch", ALL, NULL, 1, true, NULL },
	{ "tpcb-key", "TPC-B-like, each table distributed by its own key", "tpcb-key", ALL, "tpcb", 3, true, NULL },

	{ "gtm-only", "SELECT without a table: the round trip, on Postgres-XC with a snapshot of the GTM", NULL, ALL, NULL, 0, false, NULL },
	{ "read-key", "read one key", "pack", ALL, NULL, 1, false, NULL },
	{ "update-key", "update one key", "pack", ALL, NULL, 1, true, NULL },
	{ "update-two-one-shard", "update two keys of one shard", "pack", ALL, NULL, 1, true, NULL },
	{ "update-two-two-shards", "update two keys of two shards: two-phase commit", "pack", ALL, "update-two-one-shard", 2, true, NULL },
	{ "update-reference", "update a row that has a copy on every node", "pack", ALL, "update-key", -1, true, NULL },
	{ "insert-1", "insert 8 rows into one shard", "pack", ALL, NULL, 1, true, NULL },
	{ "insert-2", "insert 8 rows into two shards", "pack", ALL, "insert-1", 2, true, NULL },
	{ "insert-all", "insert 8 rows into all shards, at most 8", "pack", ALL, "insert-1", -1, true, NULL },
	{ "scatter-read", "aggregate by a column that is not the key", "pack", ALL, "read-key", -1, false, NULL },
	{ "join-colocated", "join of tables with the same distribution", "pack", ALL, NULL, -1, false, NULL },
	{ "join-reference", "join with a table that has a copy on every node", "pack", ALL, "join-colocated", -1, false, NULL },
	{ "join-repartition", "join of tables with different distributions", "pack", ALL, "join-colocated", -1, false, NULL },

	{ "sysbench-point-select", "sysbench oltp_point_select: read a row by its key", "sysbench", ALL, NULL, 1, false, "sysbench" },
	{ "sysbench-read-write", "sysbench oltp_read_write: 10 reads by key, 4 of ranges, 4 writes", "sysbench", ALL, NULL, -1, true, "sysbench" },
	{ 0 },
};

const struct workload *workload_find(const char *name)
{
	for (const struct workload *w = workloads; w->name; w++)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}

const struct dataset *dataset_find(const char *name)
{
	for (const struct dataset *d = datasets; d->name; d++)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

bool workload_has_kind(const char *kinds, const char *kind)
{
	size_t len = strlen(kind);

	for (const char *at = kinds; (at = strstr(at, kind)) != NULL; at += len)
		if ((at == kinds || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

int workload_shards(const struct workload *w, const char *kind)
{
	return w->shards && !strcmp(kind, "postgres") ? 1 : w->shards;
}

void dataset_schema(const struct dataset *d, char ret_schema[64])
{
	snprintf(ret_schema, 64, "labctl_%s", d->name);
	for (char *c = ret_schema; *c; c++)
		if (*c == '-')
			*c = '_';
}

/*
 * Values of the distribution column of `pair` and `entry` (tuning/bench/pack.load.sql). In Postgres-XC the datanode is the
 * value modulo their number. In Citus the shard follows from hashint4(): these are the first values whose hash lies in the
 * middle of the eighths 0, 4, 1, 5, 2, 6, 3, 7 of all hashes, so that up to 8 shards have a part each, and the parts 2k and
 * 2k+1 are in different shards however many there are. The check of the data set proves both.
 */
static const unsigned citus_parts[8] = { 1, 252, 5, 34, 133, 114, 37, 22 };
static const unsigned other_parts[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };

static const char *const pack_tables[] = { "item", "line", "visit", "ref", "pair", "entry", NULL };

struct names {
	const struct dataset *dataset; /* NULL = a workload without tables */
	const char *kind;
	unsigned scale;
	const unsigned *parts;
	size_t index;                  /* of the current element of a list */
	struct strbuf text;            /* the last value */
};

/* `distribute by` of Postgres-XC; in Citus a function does it afterwards. */
static const char *distribution(struct names *n, const char *how, const char *column)
{
	if (strcmp(n->kind, "pgxc") != 0)
		return "";
	strbuf_printf(&n->text, "distribute by %s", how);
	if (column)
		strbuf_printf(&n->text, " (%s)", column);
	return strbuf_text(&n->text);
}

/* What pgbench computes a part's value from its number in the variable @v with. */
static const char *part_of(struct names *n, const char *v)
{
	strbuf_str(&n->text, "case");
	for (unsigned i = 0; i < 8; i++)
		strbuf_printf(&n->text, " when :%s = %u then %u", v, i, n->parts[i]);
	strbuf_str(&n->text, " end");
	return strbuf_text(&n->text);
}

/* A scalar subquery: prepared transactions of all nodes that one statement can see. */
static const char *prepared(const char *kind)
{
	if (!strcmp(kind, "citus"))
		return "(select coalesce(sum(result::int), 0) from run_command_on_all_nodes('select count(*) from pg_prepared_xacts "
		       "where database = current_database()'))";
	return !strcmp(kind, "pgxc") ? "(select count(*) from pgxc_prepared_xacts)" /* of all nodes, without their databases */
				     : "(select count(*) from pg_prepared_xacts where database = current_database())";
}

static const char *name_value(void *ctx, const char *name)
{
	struct names *n = ctx;

	strbuf_truncate(&n->text, 0);
	if (!strcmp(name, "postgres") || !strcmp(name, "citus") || !strcmp(name, "pgxc"))
		return strcmp(name, n->kind) == 0 ? "true" : "false";
	if (!strcmp(name, "scale")) {
		strbuf_printf(&n->text, "%u", n->scale);
		return strbuf_text(&n->text);
	}
	if (!n->dataset)
		return NULL;
	if (!strcmp(name, "schema")) {
		char schema[64];

		dataset_schema(n->dataset, schema);
		strbuf_str(&n->text, schema);
	} else if (!strcmp(name, "by_branch")) {
		return strcmp(n->dataset->name, "tpcb-branch") == 0 ? "true" : "false";
	} else if (!strncmp(name, "hash.", 5)) {
		return distribution(n, "hash", name + 5);
	} else if (!strncmp(name, "modulo.", 7)) {
		return distribution(n, "modulo", name + 7);
	} else if (!strcmp(name, "replicated")) {
		return distribution(n, "replication", NULL);
	} else if (!strcmp(name, "prepared")) {
		return prepared(n->kind);
	} else if (!strcmp(name, "part")) {
		strbuf_printf(&n->text, "%u", n->parts[n->index]);
	} else if (!strcmp(name, "table")) {
		return pack_tables[n->index];
	} else if (!strcmp(name, "parts")) {
		for (unsigned i = 0; i < 8; i++)
			strbuf_printf(&n->text, "%s%u", i ? ", " : "", n->parts[i]);
	} else if (!strcmp(name, "part.i") || !strcmp(name, "part.j")) {
		return part_of(n, name + 5);
	} else if (!strncmp(name, "part.", 5) && name[5] >= '0' && name[5] <= '7' && !name[6]) {
		strbuf_printf(&n->text, "%u", n->parts[name[5] - '0']);
	} else {
		return NULL;
	}
	return strbuf_text(&n->text);
}

static bool name_each(void *ctx, const char *name, size_t index, bool *known)
{
	struct names *n = ctx;
	size_t count = 0;

	if (!strcmp(name, "part"))
		count = 8;
	else if (!strcmp(name, "table"))
		count = sizeof pack_tables / sizeof *pack_tables - 1;
	else
		*known = false;
	n->index = index < count ? index : 0;
	return index < count;
}

static int expand(const struct dataset *d, const char *what, const char *text, const char *kind, unsigned scale,
		  struct strbuf *out, struct fail *e)
{
	struct names n = { .dataset = d, .kind = kind, .scale = scale,
			   .parts = strcmp(kind, "citus") == 0 ? citus_parts : other_parts };
	struct template_scope scope = { name_value, name_each, &n };
	int r = template_expand(what, text, QUOTE_COUNT, &scope, out, e);

	strbuf_clear(&n.text);
	return r;
}

/* Appends tuning/bench/STEM.KIND.EXT, or else tuning/bench/STEM.EXT. */
static int add_file(const struct library *lib, const struct dataset *d, const char *stem, const char *ext, const char *kind,
		    unsigned scale, struct strbuf *out, struct fail *e)
{
	char name[128];
	const char *text;

	snprintf(name, sizeof name, "tuning/bench/%s.%s.%s", stem, kind, ext);
	text = library_text(lib, name);
	if (!text) {
		snprintf(name, sizeof name, "tuning/bench/%s.%s", stem, ext);
		text = library_text(lib, name);
	}
	if (!text)
		return fail(e, FAIL_OTHER, "%s/%s is missing", library_dir(lib), name);
	return expand(d, name, text, kind, scale, out, e);
}

int dataset_text(const struct library *lib, const struct dataset *d, enum dataset_file file, const char *kind, unsigned scale,
		 struct arena *a, const char **ret, struct fail *e)
{
	static const char *const words[] = { [DATASET_LOAD] = "load", [DATASET_RESET] = "reset", [DATASET_CHECK] = "check" };
	auto_(strbuf_clear) struct strbuf out = {0};
	char stem[64];

	snprintf(stem, sizeof stem, "%s.%s", d->files, words[file]);
	if (add_file(lib, d, stem, "sql", kind, scale, &out, e) < 0)
		return -1;
	snprintf(stem, sizeof stem, "%s.fill", d->files);
	if (file != DATASET_CHECK && add_file(lib, d, stem, "sql", kind, scale, &out, e) < 0)
		return -1;
	*ret = arena_strdup(a, strbuf_text(&out));
	return 0;
}

int workload_script(const struct library *lib, const struct workload *w, const char *kind, unsigned scale, struct arena *a,
		    const char **ret, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf out = {0};

	if (add_file(lib, w->dataset ? dataset_find(w->dataset) : NULL, w->name, w->driver ? "lua" : "sql", kind, scale, &out, e) < 0)
		return -1;
	*ret = arena_strdup(a, strbuf_text(&out));
	return 0;
}

int workload_expand(const char *what, const char *script, const struct dataset *d, const char *kind, unsigned scale, struct arena *a,
		    const char **ret, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf out = {0};

	if (expand(d, what, script, kind, scale, &out, e) < 0)
		return -1;
	*ret = arena_strdup(a, strbuf_text(&out));
	return 0;
}
