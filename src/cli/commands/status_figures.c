/* SPDX-License-Identifier: PostgreSQL */
#include "status_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quote.h"
#include "text.h"

/* Names of figures; other words in a query's rows are ignored. */
static const char *const figures[] = { "lag_bytes", "lag_ms", "data_bytes" };

void figures_want(struct cli *c, const struct lab *lab, struct asked *asked, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		asked[i].figures = ask_query(c, lab->cluster.recipe, ask_place(&asked[i])->role, "figures");
		asked[i].prepared = ask_query(c, lab->cluster.recipe, ask_place(&asked[i])->role, "prepared");
		asked[i].registered = ask_query(c, lab->cluster.recipe, ask_place(&asked[i])->role, "registered");
	}
}

/* Takes from the answer of @from, lines "SERVER<tab>FIGURE<tab>VALUE", what it says about @server; "" = itself. */
static void add_own(const struct asked *from, const char *server, json_t *row)
{
	const char *line = strbuf_text(&from->figure_lines);

	for (size_t len; *line; line += len + (line[len] == '\n')) {
		char name[64], figure[32];
		long long value;

		len = strcspn(line, "\n");
		/* an empty server is the one that answered */
		if (*line == '\t' ? *server || sscanf(line, "\t%31[a-z_]\t%lld", figure, &value) != 2
				  : !*server || sscanf(line, "%63[^\t\n]\t%31[a-z_]\t%lld", name, figure, &value) != 3 || strcmp(name, server) != 0)
			continue;
		for (size_t i = 0; i < ARRAY_COUNT(figures); i++)
			if (!strcmp(figures[i], figure))
				json_object_set_new(row, figure, json_integer(value));
	}
}

void figures_add(const struct lab *lab, const struct asked *asked, unsigned count, const struct asked *of, json_t *row)
{
	char name[64];

	add_own(of, "", row);
	lab_role_name(lab, of->node, of->role, name);
	for (unsigned i = 0; i < count; i++)
		if (&asked[i] != of)
			add_own(&asked[i], name, row);
}

void figures_sum(const json_t *services, json_t *row)
{
	json_int_t lag = -1, data = -1;
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		const json_t *behind = json_object_get(service, "lag_bytes"), *uses = json_object_get(service, "data_bytes");

		if (behind && json_integer_value(behind) > lag)
			lag = json_integer_value(behind);
		if (uses)
			data = (data < 0 ? 0 : data) + json_integer_value(uses);
	}
	if (lag >= 0)
		json_object_set_new(row, "lag", json_string(num_bytes(lag).text));
	if (data >= 0)
		json_object_set_new(row, "data", json_string(num_bytes(data).text));
}

/* --- who knows whom --- */

static bool has_line(const char *text, const char *line, size_t len)
{
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n == len && !memcmp(text, line, len))
			return true;
	}
	return false;
}

/* The lines of @a that @b lacks, as a list. */
static unsigned lacks(const char *a, const char *b, struct strbuf *out)
{
	unsigned count = 0;

	for (size_t n; *a; a += n + (a[n] == '\n')) {
		n = strcspn(a, "\n");
		if (!has_line(b, a, n))
			strbuf_printf(out, "%s%.*s", count++ ? ", " : "", (int)n, a);
	}
	return count;
}

static json_t *difference(const struct asked *first, const struct asked *q)
{
	const char *known = strbuf_text(&first->registered_lines), *here = strbuf_text(&q->registered_lines);
	auto_(strbuf_clear) struct strbuf missing = { 0 }, more = { 0 };
	unsigned lost = lacks(known, here, &missing), extra = lacks(here, known, &more);

	return json_sprintf("%s: its %s knows other nodes than that of %s:%s%s%s%s%s", q->node->name, ask_place(q)->role, first->node->name,
			    lost ? " lacks " : "", strbuf_text(&missing), lost && extra ? ";" : "", extra ? " has " : "", strbuf_text(&more));
}

json_t *figures_drift(const struct asked *asked, unsigned count)
{
	const struct asked *first = NULL;
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		const struct asked *q = &asked[i];

		if (!q->registered || !q->registered_known)
			continue;
		if (!first)
			first = q;
		else if (strcmp(strbuf_text(&first->registered_lines), strbuf_text(&q->registered_lines)) != 0)
			json_array_append_new(list, difference(first, q));
	}
	return list;
}

/* --- transactions that nobody ends --- */

/* "GID<tab>DATABASE<tab>SECONDS<tab>STATEMENT"; without a statement labctl itself ends it. */
static json_t *abandoned(const struct lab *lab, const struct asked *q, const char *line, size_t len)
{
	auto_(arena_free) struct arena *a = arena_new();
	char *rest = arena_strndup(a, line, len), *gid = strsep(&rest, "\t"), *database = strsep(&rest, "\t"), *age = strsep(&rest, "\t");
	auto_(strbuf_clear) struct strbuf command = { 0 };

	if (!rest || !*rest) {
		strbuf_str(&command, "start");
	} else {
		strbuf_printf(&command, "psql %s -r %s -- -d ", q->node->name, ask_place(q)->role);
		quote_add(&command, QUOTE_SH, database);
		strbuf_str(&command, " -c ");
		quote_add(&command, QUOTE_SH, rest);
	}
	return json_sprintf("%s: transaction %s of database %s was prepared %ld minutes ago on its %s and holds its locks: "
			    "labctl -l %s %s", q->node->name, gid, database ? database : "", age ? strtol(age, NULL, 10) / 60 : 0,
			    ask_place(q)->role, lab->name, strbuf_text(&command));
}

json_t *figures_prepared(const struct lab *lab, const struct asked *asked, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		const char *line = strbuf_text(&asked[i].prepared_lines);

		for (size_t len; *line; line += len + (line[len] == '\n')) {
			len = strcspn(line, "\n");
			json_array_append_new(list, abandoned(lab, &asked[i], line, len));
		}
	}
	return list;
}

json_t *figures_unknown(const struct asked *asked, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		if (asked[i].up && asked[i].unknown.code)
			json_array_append_new(list, json_sprintf("%s: not all is known of its %s: %s", asked[i].node->name,
								 ask_place(&asked[i])->role, asked[i].unknown.text));
	return list;
}

void figures_clear(struct asked *asked, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		strbuf_clear(&asked[i].figure_lines);
		strbuf_clear(&asked[i].registered_lines);
		strbuf_clear(&asked[i].prepared_lines);
	}
}
