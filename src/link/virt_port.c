/* SPDX-License-Identifier: PostgreSQL */
/* Ports of the bridge of a network, where libvirt does not see to them. Best effort: nobody depends on it. */
#include <dirent.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "virt_call.h"

DEFINE_AUTO(DIR *, closedir)

/* Makes the interface a port of the bridge. What is one already stays where it is. */
void virt_port_add(const char *bridge, const char *interface)
{
	auto_(close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_ifindex = (int)if_nametoindex(interface) };

	if (fd < 0 || !request.ifr_ifindex || strlen(bridge) >= sizeof request.ifr_name)
		return;
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", bridge);
	ioctl(fd, SIOCBRADDIF, &request);
}

/* The index of the other end of a pair; of anything else its own; 0 when there is no such interface. */
static unsigned peer_of(const char *interface)
{
	char path[64 + IF_NAMESIZE], text[16] = "";
	FILE *f;

	snprintf(path, sizeof path, "/sys/class/net/%s/iflink", interface);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(text, sizeof text, f))
		*text = '\0';
	fclose(f);
	return (unsigned)strtoul(text, NULL, 10);
}

/*
 * One of libvirt's (they are called so) with both ends here connects no container: one end of a container's is in its own namespace. (There the
 * number of an end may be that of something else here: what is meant points back.)
 */
static bool is_stray(const char *port)
{
	char other[IF_NAMESIZE];
	unsigned self = if_nametoindex(port), peer = peer_of(port);

	return (!strncmp(port, "vnet", 4) || !strncmp(port, "veth", 4)) && self && peer && peer != self &&
	       if_indextoname(peer, other) && peer_of(other) == self;
}

static void delete_link(const char *interface)
{
	auto_(close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = { .header = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_DELLINK, .nlmsg_flags = NLM_F_REQUEST },
		      .link.ifi_index = (int)if_nametoindex(interface) };

	if (fd >= 0 && request.link.ifi_index)
		send(fd, &request, sizeof request, 0);
}

void virt_ports_sweep(const char *bridge)
{
	char path[64 + IF_NAMESIZE];
	auto_(closedir) DIR *dir = NULL;
	struct dirent *entry;

	if (strlen(bridge) >= IF_NAMESIZE)
		return;
	snprintf(path, sizeof path, "/sys/class/net/%s/brif", bridge);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && is_stray(entry->d_name))
			delete_link(entry->d_name);
}
