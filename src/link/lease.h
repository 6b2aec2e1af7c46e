/* SPDX-License-Identifier: PostgreSQL */
/*
 * Subnet leases: one file per leased subnet below STATE/leases, so that labs never collide with each other, with the
 * host's routes and addresses, or with libvirt's networks. Both functions hold the file lock STATE/lock while they read
 * and write, and wait up to 30 s for it: any number of threads and processes may call them.
 */
#ifndef LABCTL_LINK_LEASE_H
#define LABCTL_LINK_LEASE_H

#include <stdint.h>

#include "arena.h"
#include "fail.h"
#include "virt.h"

struct lease_wish {
	const char *state_dir;      /* STATE */
	const char *lab, *lab_uuid;
	uint32_t subnet;            /* wanted; 0 = choose from 10.88.0.0/16: the first free one, starting at a hash of the uuid */
	unsigned prefix_len;        /* 16..30, from lab_prefix_len(); an existing lease keeps its own */
	const struct subnet *taken; unsigned taken_count; /* subnets of libvirt's networks, including those of this lab (its uuid) */
};

/*
 * Leases a subnet; if the lab has a lease, returns that. FAIL_CONFLICT: the wanted subnet overlaps something, which the
 * text names; the lab already has another lease; no subnet is free; or another process holds the lock. FAIL_OTHER: STATE
 * cannot be read or written.
 */
int lease_take(const struct lease_wish *w, uint32_t *ret_subnet, unsigned *ret_prefix_len, struct fail *e);
struct lease_lab { const char *lab, *lab_uuid; };
/* Whose leases there are, in @a. FAIL_OTHER: STATE/leases cannot be read. */
int lease_labs(const char *state_dir, struct arena *a, struct lease_lab **ret, unsigned *ret_count, struct fail *e);
/* Removes the lab's lease, if any. The last one removes STATE/leases and STATE/lock too. FAIL_CONFLICT (the lock), FAIL_OTHER. */
int lease_drop(const char *state_dir, const char *lab_uuid, struct fail *e);

#endif
