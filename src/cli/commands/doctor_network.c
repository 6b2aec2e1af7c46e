/* SPDX-License-Identifier: PostgreSQL */
/* Whether nodes reach their data and other networks: forwarding, packet filters, libvirt's own rules. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "defaults.h"
#include "doctor.h"
#include "file.h"
#include "nfs.h"
#include "peer.h"
#include "reach.h"
#include "virt.h"

/* A network of a lab of any state directory, with the bridge that it has now. */
struct active { const char *lab, *bridge, *subnet; uint32_t address, host; unsigned prefix_len; };

static unsigned active_networks(struct doctor *d, struct active **ret)
{
	static const char *const uris[] = { LIBVIRT_QEMU, LIBVIRT_LXC };
	struct cli *c = d->c;
	unsigned found = 0, count = 0;
	struct subnet *list = NULL;
	struct fail e = { 0 };

	*ret = NULL;
	/* Both drivers show the same networks. */
	for (size_t i = 0; i < ARRAY_COUNT(uris) && !count; i++) {
		auto_(virt_close) struct virt *v = NULL;

		if (virt_open(c->connect ? c->connect : uris[i], &v, &e) < 0 || virt_subnets(v, c->arena, &list, &count, &e) < 0)
			count = 0;
	}
	for (unsigned i = 0; i < count; i++) {
		const char *bridge;
		char text[16];

		if (!list[i].lab_uuid)
			continue;
		bridge = arena_printf(c->arena, "%s%.8s", BRIDGE_PREFIX, list[i].lab_uuid);
		if (!if_nametoindex(bridge))
			continue;
		ip_format(list[i].address, text);
		*arena_push(c->arena, *ret, found) = (struct active){
			.lab = list[i].lab ? list[i].lab : "", .bridge = bridge,
			.subnet = arena_printf(c->arena, "%s/%u", text, list[i].prefix_len), .address = list[i].address, .host = list[i].host,
			.prefix_len = list[i].prefix_len };
	}
	return found;
}

static void look_forwarding(struct doctor *d, const struct check *k)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };
	struct active *list;
	bool on = file_read("/proc/sys/net/ipv4/ip_forward", 8, &text, &ignored) < 0 || *strbuf_text(&text) == '1';

	/* libvirt turns it on with its first network. */
	if (on || active_networks(d, &list))
		doctor_add(d, k, on, on ? "on" : "off, though a lab's network is active", NULL);
}

static void look_rules(struct doctor *d, const struct check *k)
{
	struct active *list;
	unsigned count = active_networks(d, &list);

	for (unsigned i = 0; geteuid() == 0 && i < count; i++) {
		bool there = filter_translates(list[i].subnet);

		doctor_add(d, k, there, arena_printf(d->c->arena, "%s (lab '%s'): %s", list[i].subnet, list[i].lab, there ? "there" : "gone"),
			   filter_restore_command());
	}
}

/* An address that no node answers at, from the end of the subnet; 0 = there is none. */
static uint32_t free_address(const struct active *n)
{
	uint32_t last = n->address | ~(UINT32_MAX << (32 - n->prefix_len));
	char text[16];

	for (uint32_t ip = last - 1; ip > n->address && ip > last - 8; ip--) {
		int error;

		ip_format(ip, text);
		error = peer_try(text, 22, 300);
		if (ip != n->host && error != 0 && error != ECONNREFUSED)
			return ip;
	}
	return 0;
}

/* From each bridge, the way nodes go. Where no lab runs, only what drops by default is named: nothing is tried. */
static void look_filter(struct doctor *d, const struct check *k)
{
	struct cli *c = d->c;
	struct active *list;
	struct filter *filters;
	unsigned count = active_networks(d, &list), tried = 0, suspects;

	for (unsigned i = 0; geteuid() == 0 && i < count; i++) {
		struct reach_from from = { .bridge = list[i].bridge, .to = list[i].host, .prefix_len = list[i].prefix_len, .port = NFS_PORT };
		char gateway[16];
		enum reach reach;
		struct fail e = { 0 };

		ip_format(from.to, gateway);
		/* A lab of containers has no NFS server. */
		if (peer_try(gateway, NFS_PORT, 500) != 0 || !(from.ip = free_address(&list[i])) || reach_try(&from, &reach, &e) < 0)
			continue;
		tried++;
		suspects = filter_suspects(list[i].bridge, list[i].subnet, NFS_PORT, c->arena, &filters);
		doctor_add(d, k, reach == REACH_OPEN,
			   arena_printf(c->arena, "bridge %s (lab '%s'), TCP port %d: %s%s%s", list[i].bridge, list[i].lab, NFS_PORT,
					reach == REACH_OPEN ? "open" : reach == REACH_DROPPED ? "dropped" : "rejected",
					reach != REACH_OPEN && suspects ? " by " : "", reach != REACH_OPEN && suspects ? filters[0].what : ""),
			   suspects ? filters[0].fix : NULL);
	}
	suspects = geteuid() == 0 && !tried ? filter_suspects("BRIDGE", "SUBNET", NFS_PORT, c->arena, &filters) : 0;
	for (unsigned i = 0; i < suspects; i++) {
		struct check row = *k;

		row.advice = arena_printf(c->arena, "create names the bridge; for it: %s", filters[i].fix);
		if (filters[i].drops)
			doctor_add(d, &row, false, arena_printf(c->arena, "%s: may keep nodes from TCP port %d", filters[i].what, NFS_PORT), NULL);
	}
}

static void look_forward(struct doctor *d, const struct check *k)
{
	struct filter *filters;
	unsigned count = geteuid() == 0 ? filter_forward(d->c->arena, &filters) : 0;

	for (unsigned i = 0; i < count; i++)
		doctor_add(d, k, false, filters[i].what, filters[i].fix);
}

const struct check checks_network[] = {
	{ "forwarding", WARN, "nodes reach no other network", "sysctl -w net.ipv4.ip_forward=1", NULL, look_forwarding, NULL },
	{ "libvirt's rules", WARN, "nodes reach no other network; a start of nftables or nft flush ruleset removed the rules", NULL, NULL, look_rules, NULL },
	{ "filter to NFS", WARN, "machines cannot mount their data", NULL, "docs/howto/firewall.md", look_filter, NULL },
	{ "filter to others", WARN, "nodes reach no other network", NULL, NULL, look_forward, NULL },
	{ 0 },
};
