/* SPDX-License-Identifier: PostgreSQL */
#include "capacity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "auto.h"
#include "file.h"
#include "strbuf.h"

#define LIMIT_FILE "/proc/sys/fs/inotify/max_user_instances"
#define STEP 128u /* the kernel's default; raised by multiples of it */

unsigned capacity_inotify(unsigned wanted)
{
	auto_(free) int *fds = calloc(wanted ? wanted : 1, sizeof *fds);
	unsigned had = 0;

	if (!fds)
		abort();
	while (had < wanted && (fds[had] = inotify_init1(IN_CLOEXEC)) >= 0)
		had++;
	for (unsigned i = 0; i < had; i++)
		close(fds[i]);
	return had;
}

struct capacity capacity_of_host(unsigned inotify_wanted)
{
	struct capacity has = { .inotify = capacity_inotify(inotify_wanted), .memory_mib = UINT64_MAX };
	struct sysinfo info;

	if (sysinfo(&info) == 0)
		has.memory_mib = ((uint64_t)info.totalram + info.totalswap) * info.mem_unit >> 20;
	return has;
}

/* A value of fs.inotify.max_user_instances that allows @more additional instances. */
static unsigned long raised_limit(unsigned more)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored;
	unsigned long now = STEP;

	if (file_read(LIMIT_FILE, 64, &text, &ignored) == 0)
		now = strtoul(strbuf_text(&text), NULL, 10);
	return (now + more + STEP - 1) / STEP * STEP;
}

int capacity_check(const struct capacity *need, const struct capacity *has, struct fail *e)
{
	if (need->memory_mib > has->memory_mib) {
		fail(e, FAIL_HOST, "the nodes need %" PRIu64 " MiB of memory, this host has %" PRIu64 " MiB (with swap)",
		     need->memory_mib, has->memory_mib);
		return fail_next(e, "lower memory: in the lab file, or create fewer nodes");
	}
	if (need->inotify > has->inotify) {
		fail(e, FAIL_HOST, "the nodes need %u inotify instances, the kernel has %u left (fs.inotify.max_user_instances)",
		     need->inotify, has->inotify);
		return fail_next(e, "sysctl -w fs.inotify.max_user_instances=%lu", raised_limit(need->inotify - has->inotify));
	}
	return 0;
}

int capacity_explain(struct fail *e)
{
	if (e->code == FAIL_CANCELED || e->code == FAIL_CONFLICT || capacity_inotify(1))
		return -1;
	fail_wrap(e, "the kernel has no inotify instance left (fs.inotify.max_user_instances)");
	return fail_next(e, "sysctl -w fs.inotify.max_user_instances=%lu; then run the same command again", raised_limit(STEP));
}
