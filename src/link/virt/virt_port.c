/* SPDX-License-Identifier: PostgreSQL */
/* Adds ports to a network's bridge where libvirt does not. Best effort. */
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "virt_call.h"

/* Makes the interface a port of the bridge, unless it is already a port of one. */
void virt_port_add(const char *bridge, const char *interface)
{
	auto_(close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_ifindex = (int)if_nametoindex(interface) };

	if (fd < 0 || !request.ifr_ifindex || strlen(bridge) >= sizeof request.ifr_name)
		return;
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", bridge);
	ioctl(fd, SIOCBRADDIF, &request);
}
