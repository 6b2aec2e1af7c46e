/* SPDX-License-Identifier: PostgreSQL */
/* Packet filters of this host, by the programs that manage them. */
#include "reach.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "proc.h"

#define PROGRAM_MS 10000

/* What a program prints; empty if it is missing or fails. */
static bool said(const char *const *argv, struct strbuf *out)
{
	struct fail ignored = { 0 };
	int status = 0;

	return proc_found(argv[0]) &&
	       proc_run(&(struct proc){ .argv = argv, .out = out, .deadline_ms = clock_after_ms(PROGRAM_MS) }, &status, &ignored) == 0 &&
	       status == 0;
}

struct asked { const char *bridge, *subnet; unsigned port; struct arena *a; struct filter *list; unsigned count; };

static void suspect(struct asked *q, const char *what, const char *fix, bool drops)
{
	*arena_push(q->a, q->list, q->count) = (struct filter){ what, fix, drops };
}

static void firewalld(struct asked *q)
{
	/* Its table says the same as its program, which answers late on a slow host; with its back end iptables, only the program does. */
	static const char *const tables[] = { "nft", "list", "tables", NULL }, *const state[] = { "firewall-cmd", "--state", NULL };
	auto_(strbuf_clear) struct strbuf list = { 0 }, ignored = { 0 };
	const char *rule = arena_printf(q->a, "--zone=libvirt --add-rich-rule='rule family=ipv4 source address=%s port port=%u protocol=tcp accept'",
					q->subnet, q->port);

	if ((said(tables, &list) && strstr(strbuf_text(&list), "table inet firewalld\n")) || said(state, &ignored))
		suspect(q, "firewalld, whose zone libvirt has libvirt's bridges",
			arena_printf(q->a, "firewall-cmd --permanent %s && firewall-cmd %s", rule, rule), true);
}

static void ufw(struct asked *q)
{
	auto_(strbuf_clear) struct strbuf conf = { 0 };
	struct fail ignored = { 0 };

	if (proc_found("ufw") && file_read("/etc/ufw/ufw.conf", 65536, &conf, &ignored) == 0 && strstr(strbuf_text(&conf), "\nENABLED=yes"))
		suspect(q, "ufw", arena_printf(q->a, "ufw allow in on %s to any port %u proto tcp", q->bridge, q->port), true);
}

static void chain(struct asked *q, const char *family, const char *table, const char *name, bool drops)
{
	const char *what;

	/* firewalld's own rules change by its own command only. */
	if (!strcmp(table, "firewalld"))
		return;
	what = arena_printf(q->a, "chain %s of the table %s %s of nftables%s", name, family, table, drops ? ", which drops by default" : "");
	if (!strcmp(family, "ip") && !strcmp(table, "filter") && !strcmp(name, "INPUT")) /* iptables made it */
		suspect(q, what, arena_printf(q->a, "iptables -I INPUT -i %s -p tcp --dport %u -j ACCEPT", q->bridge, q->port), drops);
	else
		suspect(q, what, arena_printf(q->a, "nft insert rule %s %s %s iifname %s tcp dport %u accept", family, table, name, q->bridge, q->port), drops);
}

/* Calls @fn for the chains of IPv4 at @hook whose policy is drop, or those with another. */
static void each_chain(struct asked *q, const char *hook, bool drops,
		       void (*fn)(struct asked *q, const char *family, const char *table, const char *name, bool drops))
{
	static const char *const list[] = { "nft", "list", "chains", NULL };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	char family[16] = "", table[64] = "", name[64] = "";

	if (!said(list, &out))
		return;
	for (const char *line = strbuf_text(&out); *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *end = line + strcspn(line, "\n"), *at, *policy;

		if (sscanf(line, "table %15s %63s {", family, table) == 2 || sscanf(line, " chain %63s {", name) == 1)
			continue;
		at = strstr(line, hook);
		policy = strstr(line, "policy drop");
		if (at && at < end && (!strcmp(family, "ip") || !strcmp(family, "inet")) && (policy && policy < end) == drops)
			fn(q, family, table, name, drops);
	}
}

/* Chains that see what comes in for this host: first those that drop by default. */
static void nftables(struct asked *q)
{
	each_chain(q, "type filter hook input ", true, chain);
	each_chain(q, "type filter hook input ", false, chain);
}

/* Does this table of iptables-legacy exist? Only asking the program for it would make it. */
static bool legacy_has(const char *table)
{
	auto_(strbuf_clear) struct strbuf names = { 0 };
	struct fail ignored = { 0 };
	size_t len = strlen(table);

	if (file_read("/proc/net/ip_tables_names", 4096, &names, &ignored) < 0)
		return false;
	for (const char *line = strbuf_text(&names); *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!strncmp(line, table, len) && (line[len] == '\n' || !line[len]))
			return true;
	return false;
}

/* iptables-legacy, which nft does not show. */
static void legacy(struct asked *q)
{
	static const char *const list[] = { "iptables-legacy", "-w", "5", "-S", "INPUT", NULL };
	auto_(strbuf_clear) struct strbuf out = { 0 };

	if (legacy_has("filter") && said(list, &out) && strcmp(strbuf_text(&out), "-P INPUT ACCEPT\n") != 0)
		suspect(q, "iptables (legacy)",
			arena_printf(q->a, "iptables-legacy -I INPUT -i %s -p tcp --dport %u -j ACCEPT", q->bridge, q->port), true);
}

unsigned filter_suspects(const char *bridge, const char *subnet, unsigned port, struct arena *a, struct filter **ret)
{
	static void (*const ask[])(struct asked *q) = { firewalld, ufw, nftables, legacy };
	struct asked q = { .bridge = bridge, .subnet = subnet, .port = port, .a = a };

	for (size_t i = 0; i < ARRAY_COUNT(ask); i++)
		ask[i](&q);
	*ret = q.list;
	return q.count;
}

static void forward(struct asked *q, const char *family, const char *table, const char *name, bool drops)
{
	static const char *const rules[] = { "iptables", "-w", "5", "-S", NULL };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	bool iptables = !strcmp(family, "ip") && !strcmp(table, "filter") && !strcmp(name, "FORWARD"), docker;
	const char *what = arena_printf(q->a, "chain %s of the table %s %s of nftables drops by default", name, family, table);

	if (iptables && said(rules, &out) && strstr(strbuf_text(&out), "-A FORWARD -j LIBVIRT_FWO"))
		return; /* libvirt's rules by iptables come before the policy */
	docker = iptables && strstr(strbuf_text(&out), "-N DOCKER-USER");
	if (iptables)
		suspect(q, docker ? "Docker's chain FORWARD drops by default" : what,
			arena_printf(q->a, "iptables -I %1$s -i lab+ -j ACCEPT && iptables -I %1$s -o lab+ -j ACCEPT", docker ? "DOCKER-USER" : "FORWARD"),
			drops);
	else
		suspect(q, what, arena_printf(q->a, "nft insert rule %1$s %2$s %3$s iifname 'lab*' accept && nft insert rule %1$s %2$s %3$s oifname 'lab*' accept",
					      family, table, name), drops);
}

unsigned filter_forward(struct arena *a, struct filter **ret)
{
	struct asked q = { .a = a };

	each_chain(&q, "type filter hook forward ", true, forward);
	*ret = q.list;
	return q.count;
}

bool filter_translates(const char *subnet)
{
	/* libvirt's rules by iptables, in both of its variants, and by nftables (from libvirt 10.4). */
	static const char *const nft[] = { "nft", "list", "table", "ip", "libvirt_network", NULL };
	static const char *const chains[][7] = {
		{ "iptables-nft", "-w", "5", "-t", "nat", "-S", NULL }, { "iptables-legacy", "-w", "5", "-t", "nat", "-S", NULL } };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	bool asked = proc_found("nft"), found = said(nft, &out) && strstr(strbuf_text(&out), subnet);

	for (size_t i = 0; i < ARRAY_COUNT(chains) && !found; i++) {
		strbuf_truncate(&out, 0);
		asked = asked || proc_found(chains[i][0]);
		if (i == 1 && !legacy_has("nat"))
			continue;
		found = said(chains[i], &out) && strstr(strbuf_text(&out), subnet);
	}
	return found || !asked;
}

const char *filter_restore_command(void)
{
	return file_exists("/run/libvirt/virtnetworkd-sock") ? "systemctl restart virtnetworkd" : "systemctl restart libvirtd";
}

static int restart_libvirt(int64_t deadline_ms, struct fail *e)
{
	const char *const restart[] = { "systemctl", "restart", strrchr(filter_restore_command(), ' ') + 1, NULL };

	if (proc_check(&(struct proc){ .argv = restart, .deadline_ms = deadline_ms }, e) < 0)
		return fail_next(e, "%s", filter_restore_command());
	return 0;
}

int filter_restore_chains(int64_t deadline_ms, struct fail *e)
{
	if (file_exists("/run/systemd/system"))
		return restart_libvirt(deadline_ms, e);
	fail(e, FAIL_HOST, "libvirt's chains of the packet filter are gone (nft flush ruleset, or a stop of firewalld)");
	return fail_next(e, "restart libvirt's daemon (%s), which makes them again", filter_restore_command());
}

int filter_restore(const char *network, const char *subnet, int64_t deadline_ms, struct fail *e)
{
	bool systemd = file_exists("/run/systemd/system");

	if (systemd && restart_libvirt(deadline_ms, e) < 0)
		return -1;
	while (systemd && !filter_translates(subnet) && clock_left_ms(deadline_ms) > 0)
		clock_sleep_ms(200);
	if (filter_translates(subnet))
		return 0;
	fail(e, FAIL_HOST, "network '%s' is active, but libvirt's packet filter rules for %s are gone (nft flush ruleset, or a start of nftables)",
	     network, subnet);
	return fail_next(e, systemd ? "%s; journalctl -u libvirtd" : "restart libvirt's daemon (%s), which writes them again", filter_restore_command());
}
