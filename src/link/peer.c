/* SPDX-License-Identifier: PostgreSQL */
#include "peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "clock.h"

#define ASK_MS 1000

/* Probes or data that were sent again: what runs answers within milliseconds. */
static bool silent(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && (info.tcpi_retransmits || info.tcpi_probes);
}

bool peer_gone(const struct peer *p, int fd, int64_t *asked_ms)
{
	int64_t now = clock_now_ms();

	if (!p->gone || (*asked_ms && now - *asked_ms < ASK_MS) || !silent(fd))
		return false;
	*asked_ms = now;
	return p->gone(p->ctx);
}
