/* SPDX-License-Identifier: PostgreSQL */
/*
 * When the host shuts down, libvirt-guests.service presses the power button of each machine and waits up to 300 s for it.
 * Nothing orders it and NFS servers, so systemd ends both at the same time. But a machine whose data directory is gone cannot
 * end: its database server waits for the disk. Seen in tests/ondemand/host. systemd ends units in the reverse of the order in
 * which it starts them.
 */
#include "nfs_order.h"

#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "file.h"
#include "proc.h"

#define RELOAD_MS 60000

bool nfs_has_systemd(void)
{
	return file_exists(NFS_UNITS) && file_exists("/run/dbus/system_bus_socket");
}

bool nfs_order_guests(const char *units, const char *exports)
{
	static const char text[] = "# Written by labctl: machines end before the server that has their data directories.\n"
				   "[Unit]\nAfter=nfs-server.service\n";
	auto_(arena_free) struct arena *a = arena_new();
	const char *dir = arena_printf(a, "%s/libvirt-guests.service.d", units);
	const char *path = arena_printf(a, "%s/labctl.conf", dir);
	struct fail ignored = { 0 };
	glob_t found = { 0 };
	bool wanted = glob(arena_printf(a, "%s/labctl-*.exports", exports), 0, NULL, &found) == 0;

	globfree(&found);
	if (wanted == file_exists(path))
		return false;
	if (wanted)
		return file_mkdirs(dir, 0755, &ignored) == 0 && file_write(path, text, strlen(text), 0644, &ignored) == 0;
	if (unlink(path))
		return false;
	rmdir(dir); /* succeeds only if it is empty */
	return true;
}

/* The labctl that wrote or removed the file may have been killed before systemd loaded it. */
static bool must_load(void)
{
	static const char *const argv[] = { "systemctl", "show", "--value", "--property=NeedDaemonReload", "libvirt-guests.service", NULL };
	auto_(strbuf_clear) struct strbuf answer = { 0 };
	struct fail ignored = { 0 };

	return proc_check(&(struct proc){ .argv = argv, .out = &answer, .deadline_ms = clock_after_ms(RELOAD_MS) }, &ignored) == 0 &&
	       !strcmp(strbuf_text(&answer), "yes\n");
}

void nfs_order_shutdown(const char *exports)
{
	static const char *const argv[] = { "systemctl", "daemon-reload", NULL };
	struct fail ignored = { 0 };

	if (nfs_has_systemd() && (nfs_order_guests(NFS_UNITS, exports) || must_load()))
		proc_check(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(RELOAD_MS) }, &ignored);
}
