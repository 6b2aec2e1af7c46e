/* SPDX-License-Identifier: PostgreSQL */
/*
 * NFS servers: detection, and the kernel's server. The wanted exports are rendered as text and compared with the
 * current file; then the server is asked whether it serves them.
 */
#include "nfs.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "exports.h"
#include "file.h"
#include "nfs_clients.h"
#include "nfs_ganesha.h"
#include "nfs_order.h"
#include "peer.h"
#include "proc.h"

#define CONF_MAX_BYTES (4u << 20)
#define EXPORTS_DIR "/etc/exports.d"
#define MADE_BY_US "trusted.labctl" /* extended attribute of the directory */

/* --- what answers --- */

bool nfs_answers(const char *ip)
{
	return peer_try(ip, NFS_PORT, 500) == 0;
}

/* True when something in this network namespace listens on port 2049 of every address. */
static bool any_address_listens(void)
{
	static const char *const tables[] = { "/proc/self/net/tcp", "/proc/self/net/tcp6" };
	char line[512], address[40];
	bool found = false;

	for (size_t i = 0; i < ARRAY_COUNT(tables) && !found; i++) {
		FILE *file = fopen(tables[i], "re");
		unsigned port, state;

		while (file && !found && fgets(line, sizeof line, file))
			found = sscanf(line, "%*s %39[0-9A-F]:%x %*s %x", address, &port, &state) == 3 &&
				port == NFS_PORT && state == 0x0a && strspn(address, "0") == strlen(address);
		if (file)
			fclose(file);
	}
	return found;
}

static bool kernel_knows_nfsd(void)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };

	return file_read("/proc/filesystems", 1u << 20, &text, &ignored) == 0 && strstr(strbuf_text(&text), "\tnfsd\n");
}

enum nfs_kind nfs_probe(const char **ret_why)
{
	const char *why = NULL;

	if (!kernel_knows_nfsd())
		why = "the kernel has no NFS server (or its module nfsd is not loaded)";
	else if (!proc_found("exportfs"))
		why = "exportfs is not installed (package nfs-kernel-server)";
	else if (!any_address_listens()) /* also if the server is in another network namespace */
		why = "the kernel's NFS server is not running (systemctl start nfs-server)";
	if (ret_why)
		*ret_why = why ? why : "the kernel's NFS server runs";
	if (!why)
		return NFS_KIND_KERNEL;
	return proc_found("ganesha.nfsd") ? NFS_KIND_GANESHA : NFS_KIND_NONE;
}

const char *nfs_remedy(void)
{
	return proc_found("exportfs") && file_exists("/run/systemd/system") ? "systemctl start nfs-server" :
									     "apt-get install nfs-ganesha nfs-ganesha-vfs";
}

/* --- the kernel's server --- */

static const char *exports_path(const struct nfs_lab *l, struct arena *a)
{
	return arena_printf(a, EXPORTS_DIR "/labctl-%s.exports", l->lab);
}

bool nfs_same_text(const char *path, const struct strbuf *wanted)
{
	auto_(strbuf_clear) struct strbuf found = { 0 };
	struct fail ignored = { 0 };

	return file_read(path, CONF_MAX_BYTES, &found, &ignored) == 0 &&
	       strcmp(strbuf_text(&found), strbuf_text(wanted)) == 0;
}

/* True when exportfs lists every path for our subnet. */
static bool kernel_exports(const struct nfs_lab *l)
{
	static const char *const argv[] = { "exportfs", "-s", NULL };
	auto_(strbuf_clear) struct strbuf list = { 0 }, row = { 0 };
	struct fail ignored = { 0 };

	if (proc_check(&(struct proc){ .argv = argv, .out = &list, .deadline_ms = clock_after_ms(10000) }, &ignored))
		return false;
	for (const char *const *path = l->paths; *path; path++) {
		strbuf_truncate(&row, 0);
		exports_path_print(*path, &row);
		strbuf_printf(&row, "  %s(", l->subnet);
		if (!strstr(strbuf_text(&list), strbuf_text(&row)))
			return false;
	}
	return true;
}

static int export_again(int64_t deadline_ms, struct fail *e)
{
	static const char *const argv[] = { "exportfs", "-ra", NULL };

	return proc_check(&(struct proc){ .argv = argv, .deadline_ms = deadline_ms }, e);
}

/* If the file system knows no such attribute, the directory stays. */
static int make_exports_dir(struct fail *e)
{
	if (mkdir(EXPORTS_DIR, 0755) == 0)
		setxattr(EXPORTS_DIR, MADE_BY_US, "1", 1, 0);
	else if (errno != EEXIST)
		return fail_errno(e, FAIL_OTHER, EXPORTS_DIR);
	return 0;
}

/* Others may want it empty. */
static void remove_exports_dir(void)
{
	if (getxattr(EXPORTS_DIR, MADE_BY_US, NULL, 0) > 0)
		rmdir(EXPORTS_DIR); /* succeeds only if it is empty */
}

static int kernel_serve(const struct nfs_lab *l, int64_t deadline_ms, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const char *path = exports_path(l, a);
	bool changed;

	exports_print(l->lab, l->subnet, l->options, l->paths, &text);
	changed = !nfs_same_text(path, &text) || !kernel_exports(l);
	if (changed) {
		struct fail again = { 0 };

		if (make_exports_dir(e) || file_write(path, text.text, text.len, 0644, e))
			return fail_wrap(e, "NFS exports of lab '%s'", l->lab);
		/* its status covers all exports, also broken ones of others (or a missing /etc/exports): check ours */
		if (export_again(deadline_ms, &again) && !kernel_exports(l)) {
			*e = again;
			return fail_wrap(e, "NFS exports of lab '%s'", l->lab);
		}
		if (!kernel_exports(l))
			return fail(e, FAIL_HOST, "NFS exports of lab '%s': exportfs does not list the exports of %s", l->lab,
				    path);
	}
	nfs_order_shutdown(EXPORTS_DIR);
	if (!nfs_answers(l->bind_ip)) {
		fail(e, FAIL_HOST, "NFS exports of lab '%s': the kernel's server does not answer on %s:2049", l->lab,
		     l->bind_ip);
		return fail_next(e, "systemctl start nfs-server");
	}
	*ret_changed = changed;
	return 0;
}

static int kernel_withdraw(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *path = exports_path(l, a);
	struct fail ignored = { 0 };

	bool exported = true;

	nfs_expire_clients(NFS_CLIENTS, l->subnet);
	if (unlink(path)) {
		if (errno != ENOENT)
			return fail_errno(e, FAIL_OTHER, "%s", path);
		/* The labctl that removed it may have been killed after that. */
		exported = l->paths[0] && proc_found("exportfs") && kernel_exports(l);
	}
	nfs_order_shutdown(EXPORTS_DIR);
	if (!exported)
		return 0;
	if (proc_found("exportfs"))
		export_again(deadline_ms, &ignored);
	if (proc_found("exportfs") && l->paths[0] && kernel_exports(l)) {
		fail(e, FAIL_HOST, "NFS exports of lab '%s': exportfs did not withdraw them", l->lab);
		return fail_next(e, "exportfs -s");
	}
	remove_exports_dir();
	return 0;
}

/* --- both --- */

int nfs_serve(const struct nfs_lab *l, enum nfs_kind kind, int64_t deadline_ms, bool *ret_changed, struct fail *e)
{
	struct stat st;

	for (const char *const *path = l->paths; *path; path++)
		if (stat(*path, &st) || !S_ISDIR(st.st_mode))
			return fail(e, FAIL_NOT_FOUND, "NFS exports of lab '%s': %s is not a directory", l->lab, *path);
	switch (kind) {
	case NFS_KIND_KERNEL:
		return kernel_serve(l, deadline_ms, ret_changed, e);
	case NFS_KIND_GANESHA:
		return ganesha_serve(l, deadline_ms, ret_changed, e);
	case NFS_KIND_NONE:
		break;
	}
	fail(e, FAIL_HOST, "this host has no NFS server");
	return fail_next(e, "%s", nfs_remedy());
}

int nfs_stop(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	if (kernel_withdraw(l, deadline_ms, e) || ganesha_stop(l, deadline_ms, e))
		return -1;
	unlink(arena_printf(a, "%s/ganesha.conf", l->state_dir));
	unlink(arena_printf(a, "%s/ganesha.log", l->state_dir));
	return 0;
}

int nfs_settle(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e)
{
	return ganesha_settle(l, deadline_ms, e);
}

bool nfs_serving(const struct nfs_lab *l, enum nfs_kind kind)
{
	auto_(arena_free) struct arena *a = arena_new();

	switch (kind) {
	case NFS_KIND_KERNEL:
		return file_exists(exports_path(l, a)) && nfs_answers(l->bind_ip);
	case NFS_KIND_GANESHA:
		return ganesha_serving(l);
	case NFS_KIND_NONE:
		break;
	}
	return false;
}
