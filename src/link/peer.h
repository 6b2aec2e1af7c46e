/* SPDX-License-Identifier: PostgreSQL */
/*
 * Detects that the node at the other end of a connection is off, which TCP alone notices only after a minute. If the
 * node's kernel acknowledges nothing for seconds, a callback (which asks libvirt) says whether the node is gone.
 */
#ifndef LABCTL_LINK_PEER_H
#define LABCTL_LINK_PEER_H

#include <stdbool.h>
#include <stdint.h>

#define PEER_PROBE_S 5          /* an idle connection is probed at this interval */
#define PEER_SILENT_MS 60000    /* a connection without acknowledgements for that long is closed in any case */

/* Part of a connection's target. .gone may be NULL: cannot be known. Must live as long as the connection. */
struct peer {
	bool (*gone)(void *ctx);
	void *ctx;
};

/*
 * For loops that wait, in every pass: true if the kernel at the other end of socket @fd acknowledges nothing and
 * the node is gone. Checks at most once a second; *asked_ms (0 at first) is the time of the last check.
 */
bool peer_gone(const struct peer *p, int fd, int64_t *asked_ms);

/* Opens and closes a TCP connection to an IPv4 address. Returns 0 if something listens there, else an errno. */
int peer_try(const char *ip, unsigned port, int timeout_ms);

#endif
