/* SPDX-License-Identifier: PostgreSQL */
#include "fault_filter.h"

#define NFS_PORT_TEXT "2049"
/* A segment without data is no longer than this, with all options; a request is longer. */
#define ACK_BYTES_TEXT "80"
/* nft lets a second's worth and this pass at once; without it, twice a second's worth. */
#define BURST_KB 32u

/* The hooks that see frames between nodes, to the host, and from it. */
enum hook { HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT, HOOK_COUNT };
static const char *const hooks[HOOK_COUNT] = { "forward", "input", "output" };

static bool filters(const struct lab *lab, const struct fault *f, unsigned host, int64_t now_ms)
{
	return (f->kind->on == FAULT_LINKS || f->kind->on == FAULT_DATA) && !fault_is_over(f, now_ms) && fault_is_on(lab, f, host);
}

static void add_end(const struct fault *f, int64_t now_ms, struct strbuf *out)
{
	if (f->until_ms)
		strbuf_printf(out, " timeout %llds", (long long)(f->until_ms - now_ms + 999) / 1000);
}

static const char *mac_of(const struct lab *lab, unsigned i, const char *bridge_mac)
{
	return i == lab->node_count ? bridge_mac : lab->nodes[i].mac;
}

static void add_set(const struct lab *lab, const struct fault *f, unsigned host, const char *bridge_mac, int64_t now_ms, struct strbuf *out)
{
	bool pairs = f->kind->on == FAULT_LINKS;
	const char *before = "";

	strbuf_printf(out, "\tset f%u {\n\t\ttype ether_addr%s\n\t\tflags timeout\n\t\telements = { ", f->id, pairs ? " . ether_addr" : "");
	for (unsigned from = 0; from <= lab->node_count; from++) {
		for (unsigned to = 0; pairs && to <= lab->node_count; to++) {
			if (!fault_acts_on(lab, from, to, host) || !fault_between(lab, f, from, to))
				continue;
			strbuf_printf(out, "%s%s . %s", before, mac_of(lab, from, bridge_mac), mac_of(lab, to, bridge_mac));
			add_end(f, now_ms, out);
			before = ", ";
		}
		if (pairs || from == lab->node_count || !f->a[from] || lab->nodes[from].host != host)
			continue;
		strbuf_printf(out, "%s%s", before, lab->nodes[from].mac);
		add_end(f, now_ms, out);
		before = ", ";
	}
	strbuf_str(out, " }\n\t}\n");
}

/* What happens to a frame that is concerned: without an amount it is dropped. */
static void add_verdict(const struct fault *f, struct strbuf *out)
{
	if (f->kind->amount == AMOUNT_PERCENT)
		strbuf_printf(out, " numgen random mod 100 < %u", f->amount);
	else if (f->kind->amount == AMOUNT_KBYTES_S)
		strbuf_printf(out, " limit rate over %u kbytes/second burst %u kbytes", f->amount, BURST_KB);
	strbuf_printf(out, " drop comment \"fault %u: %s\"\n", f->id, f->kind->name);
}

static void add_rule(const struct fault *f, enum hook hook, struct strbuf *out)
{
	if (f->kind->on == FAULT_DATA && hook == HOOK_FORWARD)
		return; /* the server is on the host */
	strbuf_str(out, "\t\t");
	if (f->kind->on == FAULT_LINKS)
		strbuf_printf(out, "ether saddr . ether daddr @f%u", f->id);
	else
		strbuf_printf(out, hook == HOOK_INPUT ? "ether saddr @f%u tcp dport " NFS_PORT_TEXT : "ether daddr @f%u tcp sport " NFS_PORT_TEXT,
			      f->id);
	add_verdict(f, out);
}

void fault_filter_drain(const struct lab *lab, unsigned seconds, struct strbuf *out)
{
	strbuf_printf(out, "add table bridge %s\ndelete table bridge %s\ntable bridge %s {\n", lab->net.bridge, lab->net.bridge,
		      lab->net.bridge);
	strbuf_str(out, "\tset drain {\n\t\ttype ether_addr\n\t\tflags timeout\n\t\telements = { ");
	for (unsigned i = 0; i < lab->node_count; i++)
		strbuf_printf(out, "%s%s timeout %us", i ? ", " : "", lab->nodes[i].mac, seconds);
	strbuf_str(out, " }\n\t}\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
			"\t\tether saddr @drain ip length > " ACK_BYTES_TEXT " tcp dport " NFS_PORT_TEXT " drop\n\t}\n}\n");
}

bool fault_filter(const struct lab *lab, const struct fault *faults, unsigned count, unsigned host, const char *bridge_mac, int64_t now_ms,
		  struct strbuf *out)
{
	bool any = false;

	/* Both, because only `delete` fails if there is none. */
	strbuf_printf(out, "add table bridge %s\ndelete table bridge %s\n", lab->net.bridge, lab->net.bridge);
	for (unsigned i = 0; i < count; i++)
		any = any || filters(lab, &faults[i], host, now_ms);
	if (!any)
		return false;
	strbuf_printf(out, "table bridge %s {\n", lab->net.bridge);
	for (unsigned i = 0; i < count; i++)
		if (filters(lab, &faults[i], host, now_ms))
			add_set(lab, &faults[i], host, bridge_mac, now_ms, out);
	for (enum hook h = 0; h < HOOK_COUNT; h++) {
		strbuf_printf(out, "\tchain %s {\n\t\ttype filter hook %s priority filter; policy accept;\n", hooks[h], hooks[h]);
		for (unsigned i = 0; i < count; i++)
			if (filters(lab, &faults[i], host, now_ms))
				add_rule(&faults[i], h, out);
		strbuf_str(out, "\t}\n");
	}
	strbuf_str(out, "}\n");
	return true;
}
