/* SPDX-License-Identifier: PostgreSQL */
/* A row per key of a specification, and how its texts become a field. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "recipe.h"
#include "spec_source.h"
#include "strbuf.h"
#include "suggest.h"

#define SCRIPT_MAX (1u << 20)
#define NAME_MAX_CHARS 40

const char *const bench_reset_names[] = { "reload", "template", "none", NULL };
const char *const bench_protocol_names[] = { "simple", "extended", "prepared", NULL };
static const char *const flags[] = { "false", "true", NULL };

void spec_problem(struct spec_source *s, const struct spec_key *k, int line, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (s->from_words)
		problem_add(&s->words, 0, arena_printf(s->arena, "--%s", k->option), "%s", text);
	else
		problem_add(&s->file, line, k->name, "%s", text);
}

static void *field(struct spec_source *s, const struct spec_key *k)
{
	return (char *)s->spec + k->offset;
}

/* Digits only, at most @max. */
static bool whole(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	for (const char *c = text; *c; c++) {
		if (!isdigit((unsigned char)*c) || value > (max - (uint64_t)(*c - '0')) / 10)
			return false;
		value = value * 10 + (uint64_t)(*c - '0');
	}
	*ret = value;
	return *text;
}

/* A number with a decimal point at most, and what follows it. */
static bool decimal(const char *text, double *ret, const char **rest)
{
	size_t len = strspn(text, "0123456789.");
	char *end;

	if (!isdigit((unsigned char)*text) || len > 15)
		return false;
	*ret = strtod(text, &end);
	*rest = end;
	return end == text + len;
}

static void out_of_range(struct spec_source *s, const struct spec_key *k, const struct spec_item *item, const char *unit)
{
	spec_problem(s, k, item->line, "must be from %.15g to %.15g%s%s%s%s, got '%.40s'", k->min, k->max, unit, k->why ? " (" : "",
		     k->why ? k->why : "", k->why ? ")" : "", item->text);
}

static bool number(struct spec_source *s, const struct spec_key *k, const struct spec_item *item, unsigned *ret)
{
	uint64_t value;

	if (!whole(item->text, (uint64_t)k->max, &value) || (double)value < k->min) {
		out_of_range(s, k, item, "");
		return false;
	}
	*ret = (unsigned)value;
	return true;
}

static void read_number(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	(void)count;
	number(s, k, items, field(s, k));
}

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static void read_clients(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	unsigned *all = arena_alloc(s->arena, count * sizeof *all), n = 0;

	for (unsigned i = 0; i < count; i++)
		if (number(s, k, &items[i], &all[n]))
			n++;
	qsort(all, n, sizeof *all, compare);
	for (unsigned i = 1; i < n; i++)
		if (all[i] == all[i - 1])
			spec_problem(s, k, items[0].line, "%u is named twice", all[i]);
	s->spec->clients = all;
	s->spec->client_count = n;
}

static void read_duration(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	static const struct { const char *unit; double seconds; } units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 } };
	const char *unit;
	double value;

	(void)count;
	if (decimal(items->text, &value, &unit))
		for (unsigned i = 0; i < ARRAY_COUNT(units); i++)
			if (!strcmp(units[i].unit, unit)) {
				value *= units[i].seconds;
				if (value < k->min || value > k->max)
					out_of_range(s, k, items, " seconds");
				else
					memcpy(field(s, k), &value, sizeof value);
				return;
			}
	spec_problem(s, k, items->line, "must be a time with a unit like 30s, 5m or 1h, got '%.40s'", items->text);
}

static void read_part(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	const char *unit;
	double value;

	(void)count;
	if (!decimal(items->text, &value, &unit) || strcmp(unit, "%") != 0 || value < k->min || value > k->max) {
		spec_problem(s, k, items->line, "must be from %g%% to %g%%, got '%.40s'", k->min, k->max, items->text);
		return;
	}
	value /= 100;
	memcpy(field(s, k), &value, sizeof value);
}

static void read_rates(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	struct bench_rate *rates = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		struct bench_rate rate = { 0 };
		const char *unit;
		double value;

		if (!decimal(items[i].text, &value, &unit) || (*unit && strcmp(unit, "%") != 0)) {
			spec_problem(s, k, items[i].line, "must be transactions per second or a part of the capacity, like 500 or 70%%, got '%.40s'",
				     items[i].text);
			continue;
		}
		if (*unit && (value < 1 || value > 100 || value != floor(value)))
			spec_problem(s, k, items[i].line, "must be a whole number from 1%% to 100%% (above its capacity a server queues without end), got '%.40s'",
				     items[i].text);
		else if (!*unit && (value < .1 || value > 1e7))
			spec_problem(s, k, items[i].line, "must be from 0.1 to 10000000 transactions per second, got '%.40s'", items[i].text);
		else if (*unit)
			rate.percent = (unsigned)value;
		else
			rate.tps = value;
		for (unsigned j = 0; j < n; j++)
			if (rates[j].tps == rate.tps && rates[j].percent == rate.percent)
				spec_problem(s, k, items[i].line, "'%.40s' is named twice", items[i].text);
		*arena_push(s->arena, rates, n) = rate;
	}
	s->spec->rates = rates;
	s->spec->rate_count = n;
}

static void read_slo(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	static const struct { const char *word; double quantile; } quantiles[] = {
		{ "p50=", .5 }, { "p95=", .95 }, { "p99=", .99 }, { "p99.9=", .999 } };
	static const struct { const char *unit; double us; } units[] = { { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 } };

	(void)count;
	for (unsigned i = 0; i < ARRAY_COUNT(quantiles); i++) {
		size_t len = strlen(quantiles[i].word);
		const char *unit;
		double value;

		if (strncmp(items->text, quantiles[i].word, len) != 0 || !decimal(items->text + len, &value, &unit))
			continue;
		for (unsigned u = 0; u < ARRAY_COUNT(units); u++)
			if (!strcmp(units[u].unit, unit) && value > 0 && value * units[u].us <= 3600e6) {
				s->spec->slo = (struct bench_slo) { quantiles[i].quantile, value * units[u].us };
				return;
			}
	}
	spec_problem(s, k, items->line, "must be a percentile (p50, p95, p99, p99.9) and a latency, like p99=20ms, got '%.40s'", items->text);
}

const char *spec_hint(struct spec_source *s, const char *word, const char *const *known)
{
	const char *near = suggest(word, known);
	auto_(strbuf_clear) struct strbuf list = {0};

	for (unsigned i = 0; known[i]; i++)
		strbuf_printf(&list, "%s%s", i ? ", " : "", known[i]);
	return near ? arena_printf(s->arena, " (did you mean %s?)", near) : arena_printf(s->arena, "; known: %s", strbuf_text(&list));
}

/* Position in @words, or -1 after a problem. */
static int word(struct spec_source *s, const struct spec_key *k, const char *text, int line, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	spec_problem(s, k, line, "unknown value '%.40s'%s", text, spec_hint(s, text, words));
	return -1;
}

static void read_word(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	int i = word(s, k, items->text, items->line, k->words);

	(void)count;
	if (i >= 0)
		memcpy(field(s, k), &(unsigned){ (unsigned)i }, sizeof(unsigned)); /* an enum without negative values */
}

static void read_flag(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	(void)count;
	*(bool *)field(s, k) = word(s, k, items->text, items->line, k->words) == 1;
}

static void read_seed(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	(void)count;
	if (!whole(items->text, INT64_MAX, field(s, k)) || !s->spec->seed)
		spec_problem(s, k, items->line, "must be a whole number from 1 to %lld, got '%.40s'", (long long)INT64_MAX, items->text);
}

static void read_targets(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	const char *const *known = bench_targets(s->lab, s->arena), **targets = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		int found = word(s, k, items[i].text, items[i].line, known);

		if (found < 0)
			continue;
		for (unsigned j = 0; j < n; j++)
			if (targets[j] == known[found])
				spec_problem(s, k, items[i].line, "'%s' is named twice", known[found]);
		*arena_push(s->arena, targets, n) = known[found];
	}
	s->spec->targets = targets;
	s->spec->target_count = n;
}

static void read_from(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	const char **known = arena_alloc(s->arena, (s->lab->node_count + 2) * sizeof *known);
	int found;

	(void)count;
	known[0] = "host";
	for (unsigned i = 0; i < s->lab->node_count; i++)
		known[i + 1] = s->lab->nodes[i].name;
	found = word(s, k, items->text, items->line, known);
	if (found >= 0)
		s->spec->from = known[found];
}

/* --- workloads --- */

static const char *script_form(const char *name)
{
	size_t len = strlen(name);

	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] || name[0] == '-' || len > NAME_MAX_CHARS)
		return "must be a-z, 0-9 and '-', at most 40 characters";
	return workload_find(name) ? "is the name of a workload of labctl" : NULL;
}

/* The text of a script, or NULL after a problem. */
static const char *script_text(struct spec_source *s, const struct spec_key *k, const struct spec_item *item)
{
	const char *path = !s->from_words && s->dir && item->script[0] != '/' ? arena_printf(s->arena, "%s/%s", s->dir, item->script)
									      : item->script;
	auto_(strbuf_clear) struct strbuf text = {0};
	struct fail e = {0};

	if (file_read(path, SCRIPT_MAX, &text, &e) < 0) {
		spec_problem(s, k, item->line, "script of '%s': %s", item->text, e.text);
		return NULL;
	}
	for (size_t i = 0; i < text.len; i++)
		if (iscntrl((unsigned char)text.text[i]) && !isspace((unsigned char)text.text[i])) {
			spec_problem(s, k, item->line, "script of '%s': %s is not a text: it has a byte 0x%02x at offset %zu", item->text, path,
				     (unsigned char)text.text[i], i);
			return NULL;
		}
	if (!strbuf_text(&text)[strspn(strbuf_text(&text), " \t\n\r\f\v")]) {
		spec_problem(s, k, item->line, "script of '%s': %s is empty", item->text, path);
		return NULL;
	}
	return arena_strdup(s->arena, strbuf_text(&text));
}

static void add_load(struct spec_source *s, const struct spec_key *k, int line, struct bench_load load)
{
	struct bench_spec *spec = s->spec;

	for (unsigned i = 0; i < spec->load_count; i++)
		if (!strcmp(spec->loads[i].name, load.name)) {
			spec_problem(s, k, line, "'%s' is named twice", load.name);
			return;
		}
	*arena_push(s->arena, spec->loads, spec->load_count) = load;
}

static void add_script(struct spec_source *s, const struct spec_key *k, const struct spec_item *item)
{
	const char *bad = script_form(item->text), *text, *slash = strrchr(item->script, '/');
	const char *names[8] = { NULL };
	struct workload *w = arena_new_of(s->arena, struct workload);
	int writes = 1, dataset = 0;

	for (unsigned i = 0; datasets[i].name; i++)
		names[i] = datasets[i].name;
	if (bad)
		spec_problem(s, k, item->line, "'%.80s' %s", item->text, bad);
	if (item->writes)
		writes = word(s, k, item->writes, item->line, flags);
	if (item->dataset)
		dataset = word(s, k, item->dataset, item->line, names);
	text = script_text(s, k, item);
	if (bad || !text || writes < 0 || dataset < 0)
		return;
	*w = (struct workload) { .name = item->text, .title = arena_printf(s->arena, "script %s", slash ? slash + 1 : item->script),
				 .dataset = item->dataset ? names[dataset] : NULL, .kinds = "citus pgxc postgres", .writes = writes };
	add_load(s, k, item->line, (struct bench_load) { w, text, item->text });
}

/* Words for several workloads; rows with .only name a kind. */
static const struct { const char *word, *only, *names; } groups[] = {
	{ "short", "postgres", "select-only tpcb" },
	{ "short", NULL, "select-only tpcb tpcb-key" },
};

static bool in_group(const char *group, const char *kind, const struct workload *w)
{
	if (!workload_has_kind(w->kinds, kind))
		return false;
	if (!strcmp(group, "all"))
		return true;
	if (!strcmp(group, "pack"))
		return !w->dataset || !strcmp(w->dataset, "pack");
	for (unsigned i = 0; i < ARRAY_COUNT(groups); i++)
		if (!strcmp(group, groups[i].word) && (!groups[i].only || !strcmp(groups[i].only, kind)))
			return workload_has_kind(groups[i].names, w->name);
	return false;
}

static void read_workloads(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count)
{
	static const char *const group_words[] = { "short", "pack", "all" };
	const char *kind = s->lab->cluster.recipe->kind, *known[SPEC_KEYS_MAX + 4];
	unsigned n = 0;

	for (; n < ARRAY_COUNT(group_words); n++)
		known[n] = group_words[n];
	for (const struct workload *w = workloads; w->name; w++)
		if (workload_has_kind(w->kinds, kind) && n < ARRAY_COUNT(known) - 1)
			known[n++] = w->name;
	known[n] = NULL;
	s->spec->loads = NULL;
	s->spec->load_count = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct workload *one = workload_find(items[i].text);

		if (items[i].script)
			add_script(s, k, &items[i]);
		else if (one && !workload_has_kind(one->kinds, kind))
			spec_problem(s, k, items[i].line, "'%s' does not exist for %s, only for: %s", one->name, kind, one->kinds);
		else if (one)
			add_load(s, k, items[i].line, (struct bench_load) { one, NULL, one->name });
		else if (word(s, k, items[i].text, items[i].line, known) >= 0)
			for (const struct workload *w = workloads; w->name; w++)
				if (in_group(items[i].text, kind, w))
					add_load(s, k, items[i].line, (struct bench_load) { w, NULL, w->name });
	}
}

#define FIELD(f) .offset = offsetof(struct bench_spec, f)
#define OPTION(o) .option = #o, .words_offset = offsetof(struct bench_words, o)

const struct spec_key spec_keys[] = {
	{ "workloads", OPTION(workloads), .list = true, .read = read_workloads },
	{ "targets", OPTION(targets), .list = true, .read = read_targets },
	{ "clients", OPTION(clients), .list = true, .read = read_clients, .min = 1, .max = 5000,
	  .why = "each is a session, and a process of the server" },
	{ "rates", OPTION(rates), .list = true, .read = read_rates },
	{ "slo", OPTION(slo), .read = read_slo },
	{ "repeats", OPTION(repeats), .read = read_number, FIELD(repeats), .min = 1, .max = 1000 },
	{ "repeats_max", .read = read_number, FIELD(repeats_max), .min = 1, .max = 1000 },
	{ "precision", .read = read_part, FIELD(precision), .min = .1, .max = 50 },
	{ "budget", .read = read_duration, FIELD(budget_s), .min = 1, .max = 30 * 86400 },
	{ "time", OPTION(time), .read = read_duration, FIELD(time_s), .min = 1, .max = 86400, .why = "logs of transactions fill disks" },
	{ "warmup", OPTION(warmup), .read = read_duration, FIELD(warmup_s), .min = 0, .max = 3600 },
	{ "scale", OPTION(scale), .read = read_number, FIELD(scale), .min = 1, .max = 20000,
	  .why = "account numbers are integers of 32 bits" },
	{ "reset", OPTION(reset), .read = read_word, FIELD(reset), .words = bench_reset_names },
	{ "protocol", OPTION(protocol), .read = read_word, FIELD(protocol), .words = bench_protocol_names },
	{ "threads", .read = read_number, FIELD(threads), .min = 1, .max = 1024 },
	{ "from", OPTION(from), .read = read_from },
	{ "seed", OPTION(seed), .read = read_seed, FIELD(seed) },
	{ "stop_on_failure", .read = read_flag, FIELD(stop_on_failure), .words = flags },
	{ 0 },
};

void spec_give(struct spec_source *s, const struct spec_key *k, int line, const struct spec_item *items, unsigned count)
{
	s->at[k - spec_keys].line = line;
	s->at[k - spec_keys].given = true;
	s->at[k - spec_keys].word = s->from_words;
	k->read(s, k, items, count);
}

void spec_default(struct spec_source *s)
{
	struct bench_spec *spec = s->spec;
	static const unsigned clients[] = { 1, 2, 4, 8, 16 };

	if (!spec->repeats)
		spec->repeats = 5;
	if (!spec->repeats_max)
		spec->repeats_max = spec->precision > 0 ? 4 * spec->repeats : spec->repeats;
	if (!(spec->precision > 0))
		spec->precision = .03;
	if (!(spec->time_s > 0))
		spec->time_s = 30;
	if (!spec->scale)
		spec->scale = 10;
	for (unsigned i = 0; spec_keys[i].name; i++) {
		const struct spec_key *k = &spec_keys[i];

		if (s->at[i].given)
			continue;
		if (!strcmp(k->name, "workloads"))
			read_workloads(s, k, &(struct spec_item){ .text = "short" }, 1);
		else if (!strcmp(k->name, "targets"))
			read_targets(s, k, &(struct spec_item){ .text = bench_targets(s->lab, s->arena)[0] }, 1);
		else if (!strcmp(k->name, "warmup"))
			spec->warmup_s = 60;
		else if (!strcmp(k->name, "clients"))
			for (unsigned c = 0; c < ARRAY_COUNT(clients); c++)
				*arena_push(s->arena, spec->clients, spec->client_count) = clients[c];
	}
}
