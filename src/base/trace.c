/* SPDX-License-Identifier: PostgreSQL */
#include "trace.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auto.h"
#include "strbuf.h"
#include "suggest.h"

/* By enum trace_area, NULL at the end. */
static const char *const area_names[TRACE_AREA_COUNT + 1] = { "libvirt", "ssh", "sql" };

unsigned trace_areas;
static int64_t origin_us;
static void (*print_line)(const char *text);

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int area_of(const char *word, size_t len)
{
	for (int i = 0; area_names[i]; i++)
		if (strlen(area_names[i]) == len && strncmp(area_names[i], word, len) == 0)
			return i;
	return -1;
}

int trace_start(const char *words, void (*line)(const char *text), struct fail *e)
{
	unsigned areas = 0;

	for (const char *at = words ? words : ""; *at;) {
		size_t len = strcspn(at, ",");
		int area = area_of(at, len);
		char word[32];

		if (len && area < 0) {
			snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), at);
			return suggest_fail(e, "LABCTL_TRACE: unknown word", word, area_names);
		}
		if (len)
			areas |= 1u << area;
		at += len + (at[len] == ',');
	}
	origin_us = now_us();
	print_line = line;
	trace_areas = areas;
	return 0;
}

static double since_start_s(int64_t at_us)
{
	return (double)(at_us - origin_us) / 1000000;
}

void trace_enter(struct trace *t, enum trace_area area, const char *fmt, ...)
{
	auto_(strbuf_clear) struct strbuf line = { 0 };
	va_list args;

	t->area = area;
	t->since_us = now_us();
	va_start(args, fmt);
	vsnprintf(t->what, sizeof t->what, fmt, args);
	va_end(args);
	strbuf_printf(&line, "trace %.3f %s > %s", since_start_s(t->since_us), area_names[area], t->what);
	print_line(strbuf_text(&line));
}

void trace_leave(struct trace *t, const struct fail *e, const char *fmt, ...)
{
	auto_(strbuf_clear) struct strbuf line = { 0 };
	int64_t end_us = now_us();
	char result[TRACE_WHAT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(result, sizeof result, fmt, args);
	va_end(args);
	strbuf_printf(&line, "trace %.3f %s < %s: ", since_start_s(end_us), area_names[t->area], t->what);
	if (e)
		strbuf_printf(&line, "failed (%s%s%s%s%s)", fail_code_name(e->code), e->cause ? ", " : "",
			      fail_cause_name(e->cause), e->sqlstate[0] ? ", SQLSTATE " : "", e->sqlstate);
	else
		strbuf_printf(&line, "%s", *result ? result : "done");
	strbuf_printf(&line, "; %.1f ms", (double)(end_us - t->since_us) / 1000);
	print_line(strbuf_text(&line));
}

const char *trace_sql(const char *query, char ret[TRACE_WHAT_MAX])
{
	const size_t most = 120;
	size_t len = 0;
	const char *at = query;

	for (; *at && len < most; at++) {
		/* $1 is a parameter; any other $ may begin a quoted literal. */
		if (*at == '\'' || (*at == '$' && !isdigit((unsigned char)at[1])))
			break;
		if (!isspace((unsigned char)*at))
			ret[len++] = *at;
		else if (len && ret[len - 1] != ' ')
			ret[len++] = ' ';
	}
	snprintf(ret + len, TRACE_WHAT_MAX - len, "%s", *at ? "..." : "");
	return ret;
}

const char *trace_program(const char *command, char ret[TRACE_WHAT_MAX])
{
	size_t blank = strspn(command, " \t\n"), len = strcspn(command + blank, " \t\n='\"\\$`;|&<>()");

	snprintf(ret, TRACE_WHAT_MAX, "%.*s", (int)(len < 60 ? len : 60), command + blank);
	return ret;
}
