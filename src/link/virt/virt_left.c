/* SPDX-License-Identifier: PostgreSQL */
/*
 * Removes what a killed libvirtd left behind of a domain that is not running: its network links, which would make the
 * next start fail, and a container's control groups. Both are recognized by their names. Best effort: links in use and
 * groups with processes are kept; if they make the next start fail, libvirt reports it. Of a domain that is removed, also
 * the files that libvirt keeps for good.
 */
#include <dirent.h>
#include <ftw.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "defaults.h"
#include "file.h"
#include "virt_call.h"

#define CGROUPS "/sys/fs/cgroup"
#define NAME_LEN 64 /* libvirt cuts longer names */
#define MACHINES "/var/lib/libvirt/qemu"
#define DIRECTORY_NAME_LEN 20 /* VIR_DOMAIN_SHORT_NAME_MAX of libvirt */

DEFINE_AUTO(DIR *, closedir)

/* --- links --- */

/* Bridge and links of a lab are named after its uuid (lab_complete.c, xml.c). Other names are left alone. */
static bool is_lab_link(const char *name, const char *lab_uuid)
{
	return !strncmp(name, BRIDGE_PREFIX, strlen(BRIDGE_PREFIX)) && !strncmp(name + strlen(BRIDGE_PREFIX), lab_uuid, 8);
}

/* A running machine keeps its tap running; a running container has the other end of its veth pair, and keeps it up. */
static bool is_idle(int fd, const char *link)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", link);
	return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && !(request.ifr_flags & IFF_RUNNING);
}

/* Removes a link; of a veth pair, both ends. */
static void remove_link(const char *link)
{
	auto_(close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = { .header = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_DELLINK,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		      .link.ifi_index = (int)if_nametoindex(link) };
	char answer[256];

	/* The kernel answers after the link is removed. */
	if (fd >= 0 && request.link.ifi_index && is_idle(fd, link) && send(fd, &request, sizeof request, 0) > 0)
		recv(fd, answer, sizeof answer, 0);
}

static void remove_links(const struct virt_object *o, xmlDocPtr doc, struct arena *a)
{
	xmlNodePtr devices = virt_child(xmlDocGetRootElement(doc), "devices");

	for (xmlNodePtr n = devices ? devices->children : NULL; n; n = n->next) {
		xmlNodePtr target = n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, "interface") ?
					    virt_child(n, "target") : NULL;
		const char *link = target ? virt_attribute(target, "dev", a) : NULL;

		if (link && is_lab_link(link, o->lab_uuid))
			remove_link(link);
	}
}

/* --- control groups --- */

static int remove_group(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)where;
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

/* Removes "lxc-PID-NAME.libvirt-lxc" from one hierarchy. Where systemd runs, it does so itself. */
static void remove_groups(const char *machines, const char *name)
{
	auto_(closedir) DIR *dir = opendir(machines);
	char tail[NAME_LEN + 16], path[600];
	struct dirent *entry;

	snprintf(tail, sizeof tail, "-%s.libvirt-lxc", name);
	while (dir && (entry = readdir(dir))) {
		const char *id = entry->d_name + 4;

		if (strncmp(entry->d_name, "lxc-", 4) || strcmp(id + strspn(id, "0123456789"), tail))
			continue;
		snprintf(path, sizeof path, "%s/%s", machines, entry->d_name);
		nftw(path, remove_group, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	}
}

static void remove_all_groups(const char *name)
{
	auto_(closedir) DIR *dir = opendir(CGROUPS);
	struct dirent *entry;
	char machines[300];

	while (dir && strlen(name) < NAME_LEN && (entry = readdir(dir)))
		if (*entry->d_name != '.' && entry->d_type == DT_DIR) {
			bool only = !strcmp(entry->d_name, "machine"); /* cgroup 2 has only one hierarchy */

			snprintf(machines, sizeof machines, CGROUPS "/%s%s", entry->d_name, only ? "" : "/machine");
			remove_groups(machines, name);
		}
}

void virt_left_remove(const struct virt_object *o, const char *xml)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(xmlFreeDoc) xmlDocPtr doc = virt_xml(xml);
	struct virt_tag tag;

	if (!doc)
		return;
	virt_tag(doc, a, &tag);
	remove_links(o, doc, a);
	if (tag.type && !strcmp(tag.type, "lxc"))
		remove_all_groups(o->name);
}

/* --- files --- */

/* A log, and the older parts of it: NAME.log, NAME.log.0... */
static void remove_logs(const char *driver, const char *name)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *log = arena_printf(a, "/var/log/libvirt/%s/%s.log", driver, name);

	for (unsigned i = 0; unlink(log) == 0; i++)
		log = arena_printf(a, "/var/log/libvirt/%s/%s.log.%u", driver, name, i);
}

/* Mount points and the socket of a container. */
static void remove_run(const char *name)
{
	static const char *const left[] = { "dev", "devpts", "fuse", "sock" };
	auto_(arena_free) struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_COUNT(left); i++)
		remove(arena_printf(a, "/run/libvirt/lxc/%s.%s", name, left[i]));
}

/*
 * The directories ("domain-ID-NAME", the name cut to 20 characters) of machines that ran when the host lost its power; libvirt forgets
 * them. One of a machine that runs stays.
 */
static void remove_directories(virConnectPtr c, const char *where, const char *name)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(closedir) DIR *dir = opendir(where);
	struct fail ignored = { 0 };
	struct dirent *entry;
	char cut[DIRECTORY_NAME_LEN + 1];

	snprintf(cut, sizeof cut, "%s", name);
	while (dir && (entry = readdir(dir))) {
		int id = 0, at = 0;

		if (sscanf(entry->d_name, "domain-%d-%n", &id, &at) != 1 || !at || strcmp(entry->d_name + at, cut) != 0)
			continue;
		auto_(virDomainFree) virDomainPtr runs = virDomainLookupByID(c, id);
		if (!runs)
			file_remove_tree(arena_printf(a, "%s/%s", where, entry->d_name), &ignored);
	}
}

void virt_left_files(virConnectPtr c, const char *name, const char *uuid)
{
	static const struct { const char *type, *driver; } drivers[] = { { "QEMU", "qemu" }, { "LXC", "lxc" } };
	auto_(arena_free) struct arena *a = arena_new();
	const char *type = virConnectGetType(c);

	for (size_t i = 0; i < ARRAY_COUNT(drivers); i++) {
		if (!type || strcmp(type, drivers[i].type) != 0)
			continue;
		remove_logs(drivers[i].driver, name);
		unlink(arena_printf(a, "/etc/apparmor.d/libvirt/libvirt-%s", uuid));
		unlink(arena_printf(a, "/etc/apparmor.d/libvirt/libvirt-%s.files", uuid));
	}
	if (type && !strcmp(type, "LXC"))
		remove_run(name);
	if (type && !strcmp(type, "QEMU")) {
		remove_directories(c, MACHINES, name);
		remove_directories(c, MACHINES "/channel/target", name);
	}
}
