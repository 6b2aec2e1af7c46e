/* SPDX-License-Identifier: PostgreSQL */
/*
 * Clients of the kernel's NFS server that are gone. The server keeps their open files and delegations until their lease ends,
 * 90 s after their last sign of life, and who removes such a file waits for that.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "file.h"
#include "nfs_clients.h"

#define INFO_MAX_BYTES 65536
#define EXPIRE "expire\n"

DEFINE_AUTO(DIR *, closedir)

static bool in_subnet(const char *ip, const char *subnet)
{
	struct in_addr a, net;
	char text[INET_ADDRSTRLEN];
	unsigned len;

	if (sscanf(subnet, "%15[0-9.]/%u", text, &len) != 2 || len < 1 || len > 32 || inet_pton(AF_INET, text, &net) != 1 ||
	    inet_pton(AF_INET, ip, &a) != 1)
		return false;
	return (ntohl(a.s_addr) ^ ntohl(net.s_addr)) >> (32 - len) == 0;
}

/* address: "10.88.5.11:876" */
static bool is_of(const char *info, const char *subnet)
{
	const char *line = strstr(info, "address: \"");
	char ip[INET_ADDRSTRLEN];

	return line && sscanf(line, "address: \"%15[0-9.]:", ip) == 1 && in_subnet(ip, subnet);
}

unsigned nfs_expire_clients(const char *clients, const char *subnet)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(closedir) DIR *dir = opendir(clients);
	unsigned count = 0;

	for (struct dirent *d; dir && (d = readdir(dir));) {
		auto_(strbuf_clear) struct strbuf info = { 0 };
		struct fail ignored = { 0 };
		auto_(close) int ctl = -1;

		if (*d->d_name == '.' || file_read(arena_printf(a, "%s/%s/info", clients, d->d_name), INFO_MAX_BYTES, &info, &ignored) < 0 ||
		    !is_of(strbuf_text(&info), subnet))
			continue;
		ctl = open(arena_printf(a, "%s/%s/ctl", clients, d->d_name), O_WRONLY | O_CLOEXEC);
		/* The kernel wants it in one piece, and answers when nothing of the client is open any more. */
		count += ctl >= 0 && write(ctl, EXPIRE, strlen(EXPIRE)) == (ssize_t)strlen(EXPIRE);
	}
	return count;
}
