/* SPDX-License-Identifier: PostgreSQL */
/*
 * Is there still somebody at the other end? A node that is switched off says nothing more, and TCP waits for a minute.
 * Its kernel's silence is seen within seconds; whether the node is gone, its owner knows.
 */
#ifndef LABCTL_LINK_PEER_H
#define LABCTL_LINK_PEER_H

#include <stdbool.h>
#include <stdint.h>

#define PEER_PROBE_S 5          /* a connection at rest is probed that often */
#define PEER_SILENT_MS 60000    /* one whose kernel acknowledges nothing for that long is given up in any case */

/* A target's; .gone may be NULL: nobody knows. It lives as long as the connection. */
struct peer {
	bool (*gone)(void *ctx);
	void *ctx;
};

/*
 * For loops that wait, at every look: true when the kernel at the other end of socket @fd acknowledges nothing and
 * the node is gone. Asks at most once a second; *asked_ms, 0 at first, remembers when.
 */
bool peer_gone(const struct peer *p, int fd, int64_t *asked_ms);

/* Opens and closes a TCP connection to an IPv4 address: 0 when something listens there, else the errno. */
int peer_try(const char *ip, unsigned port, int timeout_ms);

#endif
