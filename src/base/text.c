/* SPDX-License-Identifier: PostgreSQL */
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auto.h"
#include "quote.h"

/* Bytes of the UTF-8 character at @p. */
static size_t char_len(const char *p)
{
	size_t len = 1;

	while (p[len] && ((unsigned char)p[len] & 0xc0) == 0x80)
		len++;
	return len;
}

/* Marks, embeddings, overrides and isolates of the direction: U+061C, U+200E, U+200F, U+202A to 202E, U+2066 to 2069. */
static bool turns(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	if (u[0] == 0xd8)
		return u[1] == 0x9c;
	if (u[0] != 0xe2)
		return false;
	return (u[1] == 0x80 && (u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xaa && u[2] <= 0xae))) ||
	       (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}

/* About how wide a character is in a proportional font, in tenths of a usual letter. */
static unsigned width_of(const char *p)
{
	unsigned char c = (unsigned char)*p;

	if (c >= 0xe1 && c < 0xf8 && !(c == 0xe2 && (unsigned char)p[1] == 0x80))
		return 18;
	if (strchr("mwMW@%<>", c))
		return 16;
	if (strchr("ijlrtf.,:;'|!()[] ", c))
		return 7;
	return c >= 'A' && c <= 'Z' ? 12 : 10;
}

static size_t width(const char *s)
{
	size_t sum = 0;

	for (; *s; s += char_len(s))
		sum += width_of(s);
	return sum;
}

void text_cut(struct strbuf *out, const char *s, unsigned max)
{
	auto_(strbuf_clear) struct strbuf safe = { 0 };
	auto_(free) char *tame = strdup(s ? s : "");
	size_t used = 0;
	bool cut;

	if (!tame)
		abort();
	quote_tame(tame, strlen(tame));
	cut = max && width(tame) > 10 * max;
	for (const char *p = tame; *p; p += char_len(p)) {
		used += width_of(p);
		if (cut && used + 10 > 10 * max) {
			strbuf_str(&safe, "…");
			break;
		}
		if (turns(p))
			strbuf_char(&safe, '?');
		else
			strbuf_add(&safe, p, char_len(p));
	}
	quote_add(out, QUOTE_XML, strbuf_text(&safe));
}

void text_add(struct strbuf *out, const char *s)
{
	text_cut(out, s, 0);
}

void text_name(struct strbuf *out, const char *s)
{
	strbuf_str(out, "<bdi>");
	text_add(out, s);
	strbuf_str(out, "</bdi>");
}

unsigned text_length(const char *s)
{
	unsigned count = 0;

	for (; *s; s += char_len(s))
		count++;
	return count;
}

/* "1234567.8" -> "1,234,567.8" */
static struct num grouped(const char *digits)
{
	size_t whole = strspn(digits, "0123456789"), at = 0;
	struct num n;

	for (size_t i = 0; i < whole && at < sizeof n.text - 2; i++) {
		if (i && (whole - i) % 3 == 0)
			n.text[at++] = ',';
		n.text[at++] = digits[i];
	}
	snprintf(n.text + at, sizeof n.text - at, "%.8s", digits + whole);
	return n;
}

struct num num_count(uint64_t n)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRIu64, n);
	return grouped(text);
}

/* Three significant digits, or all before the point. */
static void three(double v, char *text, size_t size)
{
	/* What is shown decides: 99.96 is "100", not "100.0". */
	int places = v == 0 ? 0 : v < 0.0995 ? 3 : v < 9.995 ? 2 : v < 99.95 ? 1 : 0;

	snprintf(text, size, "%.*f", places, v);
}

struct num num_rate(double tps)
{
	char text[32];

	if (!(tps >= 0 && tps < 1e15))
		return (struct num){ "—" };
	three(tps, text, sizeof text);
	return grouped(text);
}

struct num num_ms(double us)
{
	return num_rate(us / 1000);
}

struct num num_time(double us)
{
	struct num n = num_rate(us < 1000 ? us : us < 999500 ? us / 1000 : us / 1e6);
	size_t len = strlen(n.text);

	/* A no-break space. */
	snprintf(n.text + len, sizeof n.text - len, "\u00a0%s", us < 1000 ? "µs" : us < 999500 ? "ms" : "s");
	return n;
}

struct num num_ratio(double ratio)
{
	struct num n;

	if (!(ratio >= 0 && ratio < 1e9))
		return (struct num){ "—" };
	snprintf(n.text, sizeof n.text, ratio < 9.995 ? "%.2f" : ratio < 99.95 ? "%.1f" : "%.0f", ratio);
	return n;
}

struct num num_percent(double part)
{
	struct num n;

	snprintf(n.text, sizeof n.text, fabs(part) < 0.0995 ? "%.1f" : "%.0f", 100 * part);
	return n;
}

struct num num_p(double p)
{
	struct num n = { "< 0.001" };

	if (!(p < 0.001))
		snprintf(n.text, sizeof n.text, "%.3f", p);
	return n;
}

struct num num_plain(double v)
{
	struct num n;

	snprintf(n.text, sizeof n.text, "%.6g", v);
	return n;
}

struct num num_tick(double v)
{
	return fabs(v) < 1000 ? num_plain(v) : num_rate(v);
}

struct num num_bytes(double bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	unsigned unit = 0;
	struct num n;

	for (; bytes >= 10000 && unit + 1 < sizeof units / sizeof *units; unit++)
		bytes /= 1024;
	snprintf(n.text, sizeof n.text, "%.0f %s", bytes, units[unit]);
	return n;
}

struct num num_utc(int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	struct num n = { "—" };

	if (gmtime_r(&s, &tm))
		strftime(n.text, sizeof n.text, "%Y-%m-%d %H:%M:%S UTC", &tm);
	return n;
}
