/* SPDX-License-Identifier: PostgreSQL */
#include "when.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auto.h"

#define DAY_S 86400
#define AGO_MAX 100000u /* of any unit */

static const struct { char unit; int64_t seconds; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', DAY_S } };

bool duration_parse(const char *text, int64_t *ret_s)
{
	size_t digits = strspn(text, "0123456789");
	unsigned number;

	if (!digits || digits > 6 || !text[digits] || text[digits + 1] || sscanf(text, "%6u", &number) != 1 || number > AGO_MAX)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(units); i++)
		if (units[i].unit == text[digits]) {
			*ret_s = units[i].seconds * number;
			return true;
		}
	return false;
}

void duration_text(int64_t s, char ret[32])
{
	size_t i = ARRAY_COUNT(units) - 1;
	int len;

	while (i > 0 && s < units[i].seconds)
		i--;
	len = snprintf(ret, 32, "%lld%c", (long long)(s / units[i].seconds), units[i].unit);
	if (i > 0 && s % units[i].seconds / units[i - 1].seconds)
		snprintf(ret + len, 32 - (size_t)len, " %lld%c", (long long)(s % units[i].seconds / units[i - 1].seconds), units[i - 1].unit);
}

static bool ago(const char *text, int64_t now_s, int64_t *ret_s)
{
	int64_t s;

	if (!duration_parse(text, &s))
		return false;
	*ret_s = now_s - s;
	return true;
}

/* "14:22" or "14:22:11". */
static bool clock_time(const char *text, struct tm *tm)
{
	int end = 0;

	tm->tm_sec = 0;
	if (sscanf(text, "%2d:%2d%n", &tm->tm_hour, &tm->tm_min, &end) != 2 || !end)
		return false;
	if (text[end] && (strlen(text + end) != 3 || sscanf(text + end, ":%2d", &tm->tm_sec) != 1))
		return false;
	return text[strspn(text, "0123456789:")] == '\0' && tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

static bool date(const char *text, struct tm *tm, size_t *ret_len)
{
	int end = 0;

	if (strspn(text, "0123456789-") != 10 || sscanf(text, "%4d-%2d-%2d%n", &tm->tm_year, &tm->tm_mon, &tm->tm_mday, &end) != 3 ||
	    end != 10)
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	*ret_len = 10;
	return tm->tm_year >= 70 && tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1;
}

/* False for a day that the month does not have. */
static bool seconds_of(struct tm *tm, int64_t *ret_s)
{
	int day = tm->tm_mday;

	tm->tm_isdst = -1;
	*ret_s = mktime(tm);
	return tm->tm_mday == day;
}

static bool parse(const char *text, int64_t now_s, int64_t *ret_s)
{
	time_t now = (time_t)now_s;
	struct tm tm;
	size_t len;

	if (ago(text, now_s, ret_s))
		return true;
	localtime_r(&now, &tm);
	if (clock_time(text, &tm)) {
		if (!seconds_of(&tm, ret_s))
			return false;
		if (*ret_s <= now_s)
			return true;
		tm.tm_mday--; /* yesterday; mktime() knows the months */
		tm.tm_isdst = -1;
		*ret_s = mktime(&tm);
		return true;
	}
	if (!date(text, &tm, &len))
		return false;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (text[len] && ((text[len] != ' ' && text[len] != 'T') || !clock_time(text + len + 1, &tm)))
		return false;
	return seconds_of(&tm, ret_s);
}

int when_parse(const char *what, const char *text, int64_t now_s, int64_t *ret_s, struct fail *e)
{
	int64_t s;

	if (!parse(text, now_s, &s)) {
		fail(e, FAIL_USAGE, "%s: '%.64s' is not a time", what, text);
		return fail_next(e, "%s 10m (also 90s, 2h, 3d), %s 14:30, or %s '2026-11-29 14:30'", what, what, what);
	}
	*ret_s = s;
	return 0;
}
