/* SPDX-License-Identifier: PostgreSQL */
/* Ports of the bridge of a network, where libvirt does not see to them. Best effort: nobody depends on it. */
#include <dirent.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "virt_call.h"

#define MAC_LEN 17 /* in letters */

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

/* Has the interface this hardware address? The bridge's side of a machine or container has another one. */
static bool has_mac(const char *interface, const char *mac)
{
	char path[64 + IF_NAMESIZE], text[32] = "";
	FILE *f;

	snprintf(path, sizeof path, "/sys/class/net/%.*s/address", IF_NAMESIZE, interface);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof text, f))
		*text = '\0';
	fclose(f);
	return !strncasecmp(text, mac, MAC_LEN);
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

void virt_port_sweep(const char *mac)
{
	auto_(closedir) DIR *dir = opendir("/sys/class/net");
	struct dirent *entry;

	if (strlen(mac) != MAC_LEN)
		return;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && has_mac(entry->d_name, mac))
			delete_link(entry->d_name);
}
