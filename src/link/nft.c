/* SPDX-License-Identifier: PostgreSQL */
#include "nft.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "proc.h"

#define LIST_MS 5000

int nft_apply(const char *text, int64_t deadline_ms, struct fail *e)
{
	static const char *const argv[] = { "nft", "-f", "-", NULL };

	if (!proc_found(argv[0])) {
		fail(e, FAIL_HOST, "nft: not installed on this host");
		return fail_next(e, "apt-get install nftables");
	}
	return proc_check(&(struct proc){ .argv = argv, .input = text, .input_len = strlen(text), .deadline_ms = deadline_ms }, e);
}

bool nft_set_has_elements(const char *table, const char *set)
{
	const char *const argv[] = { "nft", "list", "set", "bridge", table, set, NULL };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct fail ignored = { 0 };
	int status = 0;

	return proc_found(argv[0]) &&
	       proc_run(&(struct proc){ .argv = argv, .out = &out, .deadline_ms = clock_after_ms(LIST_MS) }, &status, &ignored) == 0 &&
	       status == 0 && strstr(strbuf_text(&out), "elements = {");
}

int nft_link_mac(const char *link, char ret[18], struct fail *e)
{
	auto_(close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };
	unsigned char mac[6];

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", link);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return fail_errno(e, errno == ENODEV ? FAIL_NOT_FOUND : FAIL_OTHER, "link %s", link);
	memcpy(mac, request.ifr_hwaddr.sa_data, sizeof mac);
	snprintf(ret, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return 0;
}
