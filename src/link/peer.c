/* SPDX-License-Identifier: PostgreSQL */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "auto.h"
#include "clock.h"

#define ASK_MS 1000

/* True if the kernel has resent probes or data: a running node answers within milliseconds. */
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

int peer_try(const char *ip, unsigned port, int timeout_ms)
{
	auto_(close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof error;

	if (fd < 0)
		return errno;
	if (inet_pton(AF_INET, ip, &to.sin_addr) != 1)
		return EINVAL;
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, timeout_ms) != 1)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}
