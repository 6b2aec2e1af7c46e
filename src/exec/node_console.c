/* SPDX-License-Identifier: PostgreSQL */
#include "node_console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "defaults.h"
#include "file.h"
#include "hosts.h"
#include "proc.h"
#include "virt.h"

#define SCREEN_LINES 8u
#define LOG_LINES 40u
#define JOURNAL_MS 5000

static const char *node_file(struct runtime *rt, const struct node *n, const char *file, struct arena *a)
{
	return paths_node(runtime_paths(rt), n->name, file, a);
}

static const char *log_file(struct runtime *rt, const struct node *n, struct arena *a)
{
	return arena_printf(a, LIBVIRT_LOG_DIR "/%s/%s.log", libvirt_driver(runtime_lab(rt)->hypervisor), n->domain);
}

static const char *tail(const char *path, unsigned lines, struct arena *a)
{
	auto_(free) char *text = file_tail(path, lines);

	return arena_strdup(a, text);
}

void console_read(struct runtime *rt, const struct node *n, struct arena *a, struct console *ret)
{
	if (n->host != runtime_host(rt)) {
		hosts_console(runtime_hosts(rt), n, a, ret);
		return;
	}
	*ret = (struct console){ tail(node_file(rt, n, "console.log", a), SCREEN_LINES, a), tail(log_file(rt, n, a), LOG_LINES, a) };
}

static void read_journal(struct runtime *rt, const struct node *n, int64_t since_ms, bool ended, struct arena *a, struct strbuf *out)
{
	const char *journal = arena_printf(a, "--directory=%s", node_file(rt, n, "root/var/log/journal", a));
	const char *const argv[] = { "journalctl", journal, "--no-pager", "--quiet", "--output=cat", "--lines=20",
				     arena_printf(a, "--since=@%lld.%03lld", (long long)since_ms / 1000, (long long)since_ms % 1000), NULL };
	struct proc p = { .argv = argv, .out = out, .deadline_ms = clock_after_ms(JOURNAL_MS) };
	auto_(strbuf_clear) struct strbuf first = { 0 };
	struct fail ignored;
	struct virt *v;
	int status;

	proc_run(&p, &status, &ignored);
	if (!out->len && ended && runtime_virt(rt, &v, &ignored) == 0)
		virt_first_output(v, n->domain, runtime_lab(rt)->uuid, &first);
	if (first.len)
		strbuf_printf(out, "-- console of %s, started again\n%s", n->domain, first.text);
}

void console_evidence(struct runtime *rt, const struct node *n, int64_t since_ms, bool ended, struct strbuf *out)
{
	auto_(arena_free) struct arena *a = arena_new();
	bool container = runtime_lab(rt)->hypervisor == HYPERVISOR_LXC;
	const char *log;

	if (n->host != runtime_host(rt)) {
		hosts_evidence(runtime_hosts(rt), n, since_ms, ended, out);
		return;
	}
	if (container)
		read_journal(rt, n, since_ms, ended, a, out);
	else
		strbuf_str(out, tail(node_file(rt, n, "console.log", a), CONSOLE_LINES, a));
	log = tail(log_file(rt, n, a), 8, a);
	/* libvirt's log of a container that started holds nothing but its environment. */
	if (*log && (!out->len || !container))
		strbuf_printf(out, "%s-- %s\n%s", out->len ? "\n" : "", log_file(rt, n, a), log);
}

int console_text(struct runtime *rt, const struct node *n, int64_t from, uint32_t max_bytes, struct strbuf *out, struct console_file *ret,
		 struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *path = node_file(rt, n, "console.log", a), *start, *newline;
	auto_(free) char *text = NULL;
	auto_(close) int fd = -1;
	struct stat st;
	ssize_t got;
	bool cut;

	*ret = (struct console_file){ 0 };
	if (max_bytes > CONSOLE_MAX_BYTES)
		max_bytes = CONSOLE_MAX_BYTES;
	if (n->host != runtime_host(rt))
		return hosts_console_text(runtime_hosts(rt), n, from, max_bytes, out, ret, e);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(e, FAIL_OTHER, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fail(e, FAIL_OTHER, "%s: is not a file", path);
	*ret = (struct console_file){ st.st_size, (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 };
	if (from < 0 || from > st.st_size) /* it was begun anew */
		from = 0;
	cut = st.st_size - from > max_bytes;
	if (cut)
		from = st.st_size - max_bytes;
	text = malloc((size_t)(st.st_size - from) + 1);
	if (!text)
		abort();
	got = pread(fd, text, (size_t)(st.st_size - from), from);
	if (got < 0)
		return fail_errno(e, FAIL_OTHER, "%s", path);
	start = text;
	if (cut && (newline = memchr(text, '\n', (size_t)got)))
		start = newline + 1;
	strbuf_add(out, start, (size_t)(text + got - start));
	return 0;
}
