/* SPDX-License-Identifier: PostgreSQL */
#include "spec.h"

#include <stdio.h>
#include <string.h>

#include "file.h"
#include "recipe.h"
#include "spec_source.h"
#include "strbuf.h"

#define FILE_MAX (1u << 20)

/* Problems of the file come first; those of the command line follow in the evidence. */
static int finish(struct spec_source *s, struct fail *e)
{
	struct fail words = {0};
	size_t len;

	if (problems_fail(&s->words, NULL, &words) < 0)
		words.code = FAIL_USAGE;
	if (problems_fail(&s->file, s->spec->file, e) == 0) {
		if (words.code)
			*e = words;
		return words.code ? -1 : 0;
	}
	len = strlen(e->evidence);
	snprintf(e->evidence + len, sizeof e->evidence - len, "%s%s", len ? "\n" : "", words.code ? words.evidence : "");
	return -1;
}

int bench_spec_load(const char *file, const struct bench_words *words, const struct lab *lab, const struct library *lib,
		    struct arena *a, struct bench_spec **ret, struct fail *e)
{
	struct spec_source s = { .spec = arena_new_of(a, struct bench_spec), .lab = lab, .arena = a, .file.arena = a, .words.arena = a };
	auto_(strbuf_clear) struct strbuf text = {0};
	const char *slash = file ? strrchr(file, '/') : NULL;

	(void)lib;
	if (!lab->cluster.recipe) {
		fail(e, FAIL_LAB, "lab %s has no cluster to measure", lab->name);
		return fail_next(e, "labctl -l %s bootstrap KIND", lab->name);
	}
	if (file && file_read(file, FILE_MAX, &text, e) < 0) {
		if (e->code == FAIL_OTHER)
			e->code = FAIL_LAB;
		return -1;
	}
	s.spec->file = arena_strdup(a, file);
	s.dir = slash ? arena_strndup(a, file, slash > file ? (size_t)(slash - file) : 1) : NULL;
	if (file)
		spec_read_file(&s, strbuf_text(&text), text.len);
	spec_read_words(&s, words);
	spec_default(&s);
	spec_check(&s);
	if (finish(&s, e) < 0)
		return -1;
	*ret = s.spec;
	return 0;
}

static json_t *loads_json(const struct bench_spec *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->load_count; i++) {
		const struct bench_load *l = &s->loads[i];
		json_t *o = json_pack("{s:s}", "name", l->name);

		if (l->workload->dataset)
			json_object_set_new(o, "dataset", json_string(l->workload->dataset));
		if (l->script)
			json_object_set_new(o, "script", json_string(l->script));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *bench_spec_json(const struct bench_spec *s)
{
	json_t *targets = json_array(), *clients = json_array(), *rates = json_array();
	json_t *o;

	for (unsigned i = 0; i < s->target_count; i++)
		json_array_append_new(targets, json_string(s->targets[i]));
	for (unsigned i = 0; i < s->client_count; i++)
		json_array_append_new(clients, json_integer(s->clients[i]));
	for (unsigned i = 0; i < s->rate_count; i++)
		json_array_append_new(rates, s->rates[i].percent ? json_pack("{s:i}", "percent", (int)s->rates[i].percent)
								 : json_pack("{s:f}", "tps", s->rates[i].tps));
	o = json_pack("{s:o, s:o, s:o, s:o}", "workloads", loads_json(s), "targets", targets, "clients", clients, "rates", rates);
	if (s->slo.quantile > 0)
		json_object_set_new(o, "slo", json_pack("{s:f, s:f}", "quantile", s->slo.quantile, "limit_us", s->slo.limit_us));
	json_object_update_new(o, json_pack("{s:i, s:i, s:f, s:f, s:f, s:f, s:i, s:s, s:s, s:i, s:s, s:I, s:b}", "repeats", (int)s->repeats,
		"repeats_max", (int)s->repeats_max, "precision", s->precision, "budget_s", s->budget_s, "time_s", s->time_s,
		"warmup_s", s->warmup_s, "scale", (int)s->scale, "reset", bench_reset_names[s->reset], "protocol",
		bench_protocol_names[s->protocol], "threads", (int)s->threads, "from", s->from ? s->from : "", "seed",
		(json_int_t)s->seed, "stop_on_failure", s->stop_on_failure));
	return o;
}
