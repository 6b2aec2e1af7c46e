/* SPDX-License-Identifier: PostgreSQL */
#include "log_script.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "quote.h"
#include "recipe.h"
#include "scope.h"

#define SCRIPT "tuning/logs.sh"

static const struct role_log *log_of(const struct recipe *r, const char *role)
{
	for (const struct role_log *l = r->logs; l && l->role; l++)
		if (!strcmp(l->role, role))
			return l;
	return NULL;
}

/* Adds the names of the sources, and a function that finds their files: patterns are expanded on the node, again and again. */
static int add_sources(struct strbuf *out, const struct lab *lab, const struct node *n, uint32_t roles, struct arena *a, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf cases = { 0 };
	unsigned count = 0;

	strbuf_str(out, "names=(");
	for (unsigned i = 0; i < lab->cluster.place_count; i++) {
		const struct role_log *log = log_of(lab->cluster.recipe, lab->cluster.places[i].role);
		const char *files;
		struct scope s;

		if (!log || !node_has_role(n, (int)i) || !(roles >> i & 1))
			continue;
		scope_init(&s, lab, n, (int)i, a);
		if (scope_expand_text(&s, log->role, log->files, QUOTE_SH, &files, e) < 0)
			return -1;
		strbuf_printf(out, "%s%s", count ? " " : "", log->role);
		strbuf_printf(&cases, "    %u) files=(%s) ;;\n", count, files);
		count++;
	}
	strbuf_printf(out, ")\nfiles_of() {\n    case $1 in\n%s    esac\n}\n", strbuf_text(&cases));
	return 0;
}

int log_script(const struct lab *lab, const struct library *lib, const struct node *n, const struct log_wish *w, struct arena *a,
	       const char **ret_script, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	const char *body = library_text(lib, SCRIPT);

	if (!body)
		return fail(e, FAIL_OTHER, "labctl's data files lack " SCRIPT " (%s)", library_dir(lib));
	strbuf_printf(&out, "since=%" PRId64 " follow=%s limit=%" PRIu64 " journal=%s\n", w->since_s, w->follow ? "yes" : "",
		      w->follow ? 0 : w->limit_bytes, w->journal ? "yes" : "");
	if (add_sources(&out, lab, n, w->roles, a, e) < 0)
		return -1;
	strbuf_str(&out, body);
	*ret_script = arena_strndup(a, out.text, out.len);
	return 0;
}

/* --- what it prints --- */

static bool is_time(const char *text)
{
	static const char form[] = "dddd-dd-dd dd:dd:dd.ddd";

	for (const char *f = form; *f; f++, text++)
		if (*f == 'd' ? *text < '0' || *text > '9' : *text != *f)
			return false;
	return true;
}

bool log_line_split(char *line, const char **ret_time, const char **ret_source, char **ret_text)
{
	char *source = strchr(line, '\t'), *text = source ? strchr(source + 1, '\t') : NULL;

	if (!text || source - line != LOG_TIME_LEN || !is_time(line))
		return false;
	*source = *text = '\0';
	*ret_time = line;
	*ret_source = source + 1;
	*ret_text = text + 1;
	return true;
}

bool log_journal_time(const char *line, char ret[LOG_TIME_LEN + 1])
{
	/* "2026-11-29T14:22:11.123456+0100"; systemd before 234 has no fraction */
	char time[LOG_TIME_LEN + 1] = "0000-00-00 00:00:00.000";
	size_t len = strspn(line, "0123456789-:T");

	if (len < 19 || line[10] != 'T')
		return false;
	memcpy(time, line, 19);
	time[10] = ' ';
	if (line[19] == '.')
		for (size_t i = 20; i < LOG_TIME_LEN && line[i] >= '0' && line[i] <= '9'; i++)
			time[i] = line[i];
	if (!is_time(time))
		return false;
	memcpy(ret, time, sizeof time);
	return true;
}

void log_time(int64_t ms, char ret[LOG_TIME_LEN + 1])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	strftime(ret, LOG_TIME_LEN + 1, "%Y-%m-%d %H:%M:%S.000", localtime_r(&seconds, &tm));
	for (int i = LOG_TIME_LEN - 1, rest = (int)(ms % 1000); i >= LOG_TIME_LEN - 3; i--, rest /= 10)
		ret[i] = (char)('0' + rest % 10);
}
