/* SPDX-License-Identifier: PostgreSQL */
#include "lifetime.h"

#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "file.h"
#include "when.h"

#define FILE_MAX 512
#define NEVER_WORD "never"

void moment_now(struct moment *ret)
{
	auto_(strbuf_clear) struct strbuf boot = { 0 };
	struct timespec since = { 0 };
	struct timex clock = { .modes = 0 };
	struct fail ignored = { 0 };

	*ret = (struct moment){ .wall_s = time(NULL) };
	if (file_read("/proc/sys/kernel/random/boot_id", 64, &boot, &ignored) == 0)
		snprintf(ret->boot, sizeof ret->boot, "%.36s", strbuf_text(&boot));
	clock_gettime(CLOCK_BOOTTIME, &since);
	ret->boot_s = since.tv_sec;
	/* Setting the clock by hand ends the synchronization. */
	ret->synced = adjtimex(&clock) >= 0 && !(clock.status & STA_UNSYNC);
}

int64_t lifetime_left(const struct lifetime *l, const struct moment *now)
{
	int64_t before = 0;

	if (l->left_s == LIFETIME_NEVER)
		return LIFETIME_NEVER;
	if (!strcmp(l->at.boot, now->boot))
		return now->boot_s > l->at.boot_s ? l->left_s - (now->boot_s - l->at.boot_s) : l->left_s;
	/* From the moment that was written down to this boot. */
	if (l->at.synced && now->synced)
		before = now->wall_s - now->boot_s - l->at.wall_s;
	return l->left_s - now->boot_s - (before > 0 ? before : 0);
}

static const char *file_of(const struct paths *p, struct arena *a)
{
	return arena_printf(a, "%s/expires", p->lab);
}

static bool parse(const char *text, struct lifetime *ret)
{
	char left[24];
	int synced, end = 0;
	long long left_s = 0, boot_s, wall_s;

	if (sscanf(text, "ttl %15s left %23s at %36s %lld %lld %d\n%n", ret->ttl, left, ret->at.boot, &boot_s, &wall_s, &synced, &end) != 6 ||
	    !end || text[end] || (strcmp(left, NEVER_WORD) != 0 && sscanf(left, "%lld", &left_s) != 1))
		return false;
	ret->left_s = strcmp(left, NEVER_WORD) ? left_s : LIFETIME_NEVER;
	ret->at.boot_s = boot_s;
	ret->at.wall_s = wall_s;
	ret->at.synced = synced;
	return true;
}

int lifetime_read(const struct paths *p, struct lifetime *ret, bool *ret_has, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 };

	*ret = (struct lifetime){ 0 };
	*ret_has = file_exists(file_of(p, a));
	if (!*ret_has)
		return 0;
	if (file_read(file_of(p, a), FILE_MAX, &text, e) < 0)
		return -1;
	if (parse(strbuf_text(&text), ret))
		return 0;
	fail(e, FAIL_LAB, "%s is damaged: the lab is not removed by itself", file_of(p, a));
	return fail_next(e, "labctl -l %s extend 8h, or extend --never", strrchr(p->lab, '/') + 1);
}

static int put(const struct paths *p, const char *ttl, int64_t left_s, const struct moment *at, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *left = left_s == LIFETIME_NEVER ? NEVER_WORD : arena_printf(a, "%lld", (long long)left_s);
	const char *text = arena_printf(a, "ttl %s left %s at %s %lld %lld %d\n", ttl ? ttl : "-", left, *at->boot ? at->boot : "-",
					(long long)at->boot_s, (long long)at->wall_s, at->synced);

	return file_write(file_of(p, a), text, strlen(text), 0600, e);
}

int lifetime_write(const struct paths *p, const char *ttl, int64_t left_s, struct fail *e)
{
	struct moment now;

	moment_now(&now);
	return put(p, ttl, left_s, &now, e);
}

int lifetime_begin(const struct paths *p, const char *ttl, bool *ret_changed, struct fail *e)
{
	struct lifetime has;
	bool begun;
	int64_t s;

	if (!ttl || !duration_parse(ttl, &s))
		return 0;
	if (lifetime_read(p, &has, &begun, e) < 0)
		return -1;
	if (begun && !strcmp(has.ttl, ttl))
		return 0;
	*ret_changed = true;
	return lifetime_write(p, ttl, s, e);
}

int lifetime_keep(const struct paths *p, const struct lifetime *l, const struct moment *now, struct fail *e)
{
	return l->left_s == LIFETIME_NEVER ? 0 : put(p, l->ttl, lifetime_left(l, now), now, e);
}
