/* SPDX-License-Identifier: PostgreSQL */
/*
 * Subnet leases: one file per leased subnet below STATE/leases, under one lock, so that labs never collide with
 * each other, with the host's routes and addresses, or with libvirt's networks.
 */
#ifndef LABCTL_LINK_LEASE_H
#define LABCTL_LINK_LEASE_H

#include <stdint.h>

#include "fail.h"
#include "virt.h"

struct lease_wish {
	const char *state_dir;      /* STATE */
	const char *lab, *lab_uuid;
	uint32_t subnet;            /* wanted, or 0 = choose from 10.88.0.0/16 by hash of the uuid, first free */
	unsigned prefix_len;        /* 24, or wider when the lab is larger */
	const struct subnet *taken; unsigned taken_count; /* of libvirt's networks; those with this lab's uuid are its own */
};

/* The lab's own lease is returned again. FAIL_CONFLICT says with what a wished subnet overlaps. */
int lease_take(const struct lease_wish *w, uint32_t *ret_subnet, unsigned *ret_prefix_len, struct fail *e);
int lease_drop(const char *state_dir, const char *lab_uuid, struct fail *e);

#endif
