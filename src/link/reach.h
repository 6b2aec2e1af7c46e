/* SPDX-License-Identifier: PostgreSQL */
/*
 * Would a packet filter of this host keep the nodes of a lab from a server on the host? Found out by a real connection: from
 * a network namespace whose only link is a port of the lab's bridge, as a node's is. Needs root. Blocks for at most 5 s.
 * Test: tests/link/filter.bats, tests/e2e/filter.bats.
 */
#ifndef LABCTL_LINK_REACH_H
#define LABCTL_LINK_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"

enum reach {
	REACH_OPEN,     /* something answered */
	REACH_REJECTED, /* refused, or answered by an ICMP error: where something listens, a filter's doing */
	REACH_DROPPED,  /* no answer */
};

struct reach_from {
	const char *bridge;      /* at most 14 characters */
	uint32_t ip;             /* of the end in the namespace, not in use by a node; host byte order, as .to */
	uint32_t to;             /* the host's address on the bridge */
	unsigned prefix_len, port;
};

/* FAIL_HOST: the connection could not be tried. Leaves nothing behind, also if labctl is killed meanwhile. */
int reach_try(const struct reach_from *from, enum reach *ret, struct fail *e);

/* A packet filter that may be the reason, and the command that opens @port for that bridge and subnet only. */
struct filter { const char *what, *fix; bool drops; }; /* .drops: by default, or a program for firewalls manages it */
/* The filters of this host, the most probable first, in @a; none if no program for filters is installed. */
unsigned filter_suspects(const char *bridge, const char *subnet, unsigned port, struct arena *a, struct filter **ret);
/* Filters that drop by default what nodes send to other hosts; libvirt's own rules may let it through again. */
unsigned filter_forward(struct arena *a, struct filter **ret);
/*
 * Does the host have libvirt's rules that translate the addresses of @subnet ("10.88.7.0/24")? They vanish, while the network
 * is active, with `nft flush ruleset` and the start of nftables.service. True if nobody can say.
 */
bool filter_translates(const char *subnet);
/*
 * Makes libvirt write its rules again, which only a restart of its daemon does; machines keep running. FAIL_HOST, with the
 * command, where systemd does not run, or if the rules did not come back before @deadline_ms.
 */
int filter_restore(const char *network, const char *subnet, int64_t deadline_ms, struct fail *e);
/*
 * The same where a network does not start, because the chains for libvirt's rules are gone, too: libvirt makes them once, for
 * its first network. `systemctl stop firewalld` also removes them.
 */
int filter_restore_chains(int64_t deadline_ms, struct fail *e);
/* "systemctl restart libvirtd", or virtnetworkd where that is the daemon of networks. */
const char *filter_restore_command(void);

#endif
