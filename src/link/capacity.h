/* SPDX-License-Identifier: PostgreSQL */
/*
 * Limits of this host's kernel that libvirt does not check in advance: inotify instances, which every container and every
 * network's dnsmasq needs, and memory. Thread-safe. Test: tests/link/test_capacity.c.
 */
#ifndef LABCTL_LINK_CAPACITY_H
#define LABCTL_LINK_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

#define CAPACITY_CONTAINER_INOTIFY 4u /* systemd, journald, udevd and dbus in each (measured on Debian 12: 3 to 4) */
#define CAPACITY_NETWORK_INOTIFY 1u   /* dnsmasq */

struct capacity {
	unsigned inotify;    /* instances */
	uint64_t memory_mib; /* RAM and swap */
};

/* How many of @wanted inotify instances are available: opens and closes them, so it need not know who uses the others. */
unsigned capacity_inotify(unsigned wanted);
/* Checks for up to @inotify_wanted instances; .memory_mib is the host's total. */
struct capacity capacity_of_host(unsigned inotify_wanted);
/* FAIL_HOST names the limit that @need exceeds and the command that raises it. Pure. */
int capacity_check(const struct capacity *need, const struct capacity *has, struct fail *e);
/* After a failure: if no inotify instance is left, puts the limit first in @e and says how to raise it. Returns -1. */
int capacity_explain(struct fail *e);

#endif
