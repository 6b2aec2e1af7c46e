/* SPDX-License-Identifier: PostgreSQL */
/*
 * A VXLAN device as a port of a bridge: joins bridges of several hosts to one network, over the hosts' underlay addresses. What arrives for
 * it from other addresses is dropped. By the programs ip, bridge and nft. VXLAN does not encrypt. Needs root.
 */
#ifndef LABCTL_LINK_VXLAN_H
#define LABCTL_LINK_VXLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"
#include "strbuf.h"

#define VXLAN_PORT 4789

struct vxlan {
	const char *device, *bridge; /* the device's name is also that of its nft table */
	uint32_t id;                 /* 24 bits; the same on all hosts */
	uint32_t local;              /* this host's underlay address, in host byte order */
	const uint32_t *peers; unsigned peer_count; /* those of the others */
	unsigned underlay_mtu, mtu;  /* what the underlay must have, and what the device gets */
};

/* FAIL_HOST: no link of this host has the local address, or its MTU is too small, or a program is missing. *ret_changed = false if it is there, with its filter. */
int vxlan_make(const struct vxlan *v, int64_t deadline_ms, bool *ret_changed, struct fail *e);
/* Appends the underlay addresses of the others, "192.0.2.2, 192.0.2.3"; nothing if there is no such device. */
void vxlan_peers(const char *device, struct strbuf *out);
int vxlan_remove(const char *device, int64_t deadline_ms, bool *ret_changed, struct fail *e);

#endif
