/* SPDX-License-Identifier: PostgreSQL */
/*
 * What this host's kernel lets a lab have, where libvirt would only fail in the middle of it: inotify instances, which
 * every container and every network's dnsmasq takes, and memory. Thread-safe. Test: tests/link/test_capacity.c.
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

/* Of @wanted inotify instances, those that can be had now: takes and releases them, so that no other user's count matters. */
unsigned capacity_inotify(unsigned wanted);
/* @inotify_wanted instances are looked for; .memory_mib is the host's total. */
struct capacity capacity_of_host(unsigned inotify_wanted);
/* FAIL_HOST names the limit that @need exceeds and the command that raises it. Pure. */
int capacity_check(const struct capacity *need, const struct capacity *has, struct fail *e);
/* After a failure: puts the limit in front and gives its remedy, when the kernel has no inotify instance left. Returns -1. */
int capacity_explain(struct fail *e);

#endif
