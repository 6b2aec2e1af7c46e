/* SPDX-License-Identifier: PostgreSQL */
#include "vxlan.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "digest.h"
#include "file.h"
#include "nft.h"
#include "proc.h"

#define LINK_MS 10000

DEFINE_AUTO(struct ifaddrs *, freeifaddrs)

static const char *address(uint32_t ip, char ret[INET_ADDRSTRLEN])
{
	struct in_addr in = { .s_addr = htonl(ip) };

	return inet_ntop(AF_INET, &in, ret, INET_ADDRSTRLEN);
}

/* The link that has the address, and its MTU; false if there is none. */
static bool find_link(uint32_t ip, char ret_name[IFNAMSIZ], unsigned *ret_mtu)
{
	auto_(close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	auto_(freeifaddrs) struct ifaddrs *all = NULL;
	struct ifreq request = { 0 };

	if (fd < 0 || getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    ntohl(((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr.s_addr) != ip)
			continue;
		snprintf(ret_name, IFNAMSIZ, "%s", i->ifa_name);
		snprintf(request.ifr_name, sizeof request.ifr_name, "%s", i->ifa_name);
		*ret_mtu = ioctl(fd, SIOCGIFMTU, &request) == 0 ? (unsigned)request.ifr_mtu : 0;
		return true;
	}
	return false;
}

static int check_underlay(const struct vxlan *v, struct fail *e)
{
	char ip[INET_ADDRSTRLEN], name[IFNAMSIZ];
	unsigned mtu;

	address(v->local, ip);
	if (!find_link(v->local, name, &mtu)) {
		fail(e, FAIL_HOST, "no link of this host has the underlay address %s", ip);
		return fail_next(e, "ip -brief address; then set `underlay` of this host in the lab file, or give a link that address");
	}
	if (mtu < v->underlay_mtu) {
		fail(e, FAIL_HOST, "%s, which has the underlay address %s, has an MTU of %u; the lab's network needs %u", name, ip, mtu, v->underlay_mtu);
		return fail_next(e, "ip link set %s mtu %u, also on what is between the hosts", name, v->underlay_mtu);
	}
	return 0;
}

static int run(const char *const *argv, const char *input, int64_t deadline_ms, struct fail *e)
{
	int64_t own = clock_after_ms(LINK_MS);
	struct proc p = { .argv = argv, .input = input, .input_len = input ? strlen(input) : 0,
			  .deadline_ms = own < deadline_ms ? own : deadline_ms };

	return proc_check(&p, e);
}

/* The addresses of its entries, each followed by a blank; empty if there are none. */
static void list_peers(const char *device, int64_t deadline_ms, struct strbuf *out)
{
	const char *const argv[] = { "bridge", "fdb", "show", "dev", device, NULL };
	static const char all[] = "00:00:00:00:00:00 dst ";
	auto_(strbuf_clear) struct strbuf entries = { 0 };
	struct fail ignored = { 0 };
	int status = 0;

	if (!if_nametoindex(device) ||
	    proc_run(&(struct proc){ .argv = argv, .out = &entries, .deadline_ms = deadline_ms }, &status, &ignored) < 0)
		return;
	for (const char *at = strbuf_text(&entries); (at = strstr(at, all)); at += strlen(all))
		strbuf_printf(out, "%.*s ", (int)strcspn(at + strlen(all), " \n"), at + strlen(all));
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += len)
		if ((at == words || at[-1] == ' ') && at[len] == ' ')
			return true;
	return false;
}

/* It is set up last: if it is a port of the bridge and up, all of it was made. */
static bool is_made(const struct vxlan *v)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf flags = { 0 };
	struct fail ignored;
	unsigned bits = 0;

	return file_exists(arena_printf(a, "/sys/class/net/%s/lower_%s", v->bridge, v->device)) &&
	       file_read(arena_printf(a, "/sys/class/net/%s/flags", v->device), 64, &flags, &ignored) == 0 &&
	       sscanf(strbuf_text(&flags), "%x", &bits) == 1 && bits & IFF_UP;
}

/* Identifies device and peers: nft cannot be asked whether it has a rule, but it keeps the comment with it. */
static const char *mark_of(const struct vxlan *v, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char digest[DIGEST_HEX];

	strbuf_printf(&text, "%s %u %u %u", v->device, v->id, v->mtu, v->local);
	for (unsigned i = 0; i < v->peer_count; i++)
		strbuf_printf(&text, " %u", v->peers[i]);
	digest_text(strbuf_text(&text), text.len, digest);
	return arena_printf(a, "labctl %.16s", digest);
}

static bool is_filtered(const struct vxlan *v, const char *mark, int64_t deadline_ms)
{
	const char *const argv[] = { "nft", "list", "table", "inet", v->device, NULL };
	auto_(strbuf_clear) struct strbuf rules = { 0 };
	struct fail ignored = { 0 };
	int status = 0;

	return proc_run(&(struct proc){ .argv = argv, .out = &rules, .deadline_ms = deadline_ms }, &status, &ignored) == 0 && status == 0 &&
	       strstr(strbuf_text(&rules), mark);
}

/*
 * What has no known place goes to all the others; where an address is, is learned from what comes. Only what differs is changed: the nodes'
 * connections go on while a host comes or leaves.
 */
static int set_peers(const struct vxlan *v, int64_t deadline_ms, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf batch = { 0 }, has = { 0 }, wanted = { 0 };
	char ip[INET_ADDRSTRLEN];

	list_peers(v->device, deadline_ms, &has);
	for (unsigned i = 0; i < v->peer_count; i++) {
		strbuf_printf(&wanted, "%s ", address(v->peers[i], ip));
		if (!has_word(strbuf_text(&has), ip))
			strbuf_printf(&batch, "fdb append 00:00:00:00:00:00 dev %s dst %s\n", v->device, ip);
	}
	for (char *rest = has.text, *word; rest && (word = strsep(&rest, " "));)
		if (*word && !has_word(strbuf_text(&wanted), word))
			strbuf_printf(&batch, "fdb del 00:00:00:00:00:00 dev %s dst %s\n", v->device, word);
	return batch.len ? run((const char *const[]){ "bridge", "-batch", "-", NULL }, batch.text, deadline_ms, e) : 0;
}

static int filter(const struct vxlan *v, const char *mark, int64_t deadline_ms, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char ip[INET_ADDRSTRLEN];

	/* Bytes 12 to 14 behind the start of the UDP header are the id. */
	strbuf_printf(&text, "table inet %s\ndelete table inet %s\ntable inet %s {\n\tchain in {\n\t\ttype filter hook input priority -10;\n"
			     "\t\tudp dport %d @th,96,24 0x%06x ip saddr != {", v->device, v->device, v->device, VXLAN_PORT, v->id);
	for (unsigned i = 0; i < v->peer_count; i++)
		strbuf_printf(&text, "%s %s", i ? "," : "", address(v->peers[i], ip));
	strbuf_printf(&text, " } drop comment \"%s\"\n\t}\n}\n", mark);
	return nft_apply(strbuf_text(&text), deadline_ms, e);
}

int vxlan_make(const struct vxlan *v, int64_t deadline_ms, bool *ret_changed, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf entries = { 0 };
	auto_(arena_free) struct arena *a = arena_new();
	const char *mark = mark_of(v, a);
	char ip[INET_ADDRSTRLEN];
	bool removed;

	if (check_underlay(v, e) < 0)
		return -1;
	if (is_made(v)) {
		if (is_filtered(v, mark, deadline_ms))
			return 0;
		*ret_changed = true;
		/* The filter last: it has the mark. */
		return set_peers(v, deadline_ms, e) < 0 ? -1 : filter(v, mark, deadline_ms, e);
	}
	if (vxlan_remove(v->device, deadline_ms, &removed, e) < 0)
		return -1;
	*ret_changed = true;
	strbuf_printf(&entries, "link add %s mtu %u type vxlan id %u dstport %d local %s\nlink set %s master %s\n", v->device, v->mtu, v->id,
		      VXLAN_PORT, address(v->local, ip), v->device, v->bridge);
	if (run((const char *const[]){ "ip", "-batch", "-", NULL }, strbuf_text(&entries), deadline_ms, e) < 0)
		return -1;
	if (set_peers(v, deadline_ms, e) < 0)
		return -1;
	/* The filter only while there is a device: so a destroy after a kill finds both. */
	return filter(v, mark, deadline_ms, e) < 0 ? -1 : run((const char *const[]){ "ip", "link", "set", v->device, "up", NULL }, NULL, deadline_ms, e);
}

int vxlan_remove(const char *device, int64_t deadline_ms, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	if (!if_nametoindex(device))
		return 0;
	*ret_changed = true;
	return nft_apply(arena_printf(a, "table inet %s\ndelete table inet %s\n", device, device), deadline_ms, e) < 0 ? -1 :
	       run((const char *const[]){ "ip", "link", "delete", device, NULL }, NULL, deadline_ms, e);
}

void vxlan_peers(const char *device, struct strbuf *out)
{
	auto_(strbuf_clear) struct strbuf all = { 0 };

	list_peers(device, clock_after_ms(LINK_MS), &all);
	for (char *rest = all.text, *word; rest && (word = strsep(&rest, " "));)
		if (*word)
			strbuf_printf(out, "%s%s", out->len ? ", " : "", word);
}
