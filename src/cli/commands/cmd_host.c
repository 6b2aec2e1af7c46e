/* SPDX-License-Identifier: PostgreSQL */
/* host list, host check: the hosts of a lab on several. */
#include <stdio.h>
#include <string.h>

#include "complete.h"
#include "documents.h"
#include "host_look.h"
#include "plural.h"
#include "quote.h"
#include "suggest.h"

const struct command cmd_host = {
	.name = "host", .actions = commands_host,
	.summary = "prepare and check the hosts of a lab on several hosts",
	.help =
	"A lab with hosts in its lab file has its nodes on several hypervisors: lab(5), docs/howto/several-hosts.md.\n\n"
	"  labctl -f lab.yaml host add b\n"
	"  labctl -l duo host check",
};

const char *host_lab_words(struct cli *c, const struct lab *lab)
{
	if (!lab->host_count)
		return "";
	return !c->lab_name && lab_file(c) ? arena_printf(c->arena, "-f %s ", lab_file(c)) : arena_printf(c->arena, "-l %s ", lab->name);
}

/* The lab that -l, the lab file or the working directory names, whether it exists or not. */
static int load_hosts(struct cli *c, struct lab **ret_lab, struct fail *e)
{
	if (load_for_show(c, false, &(struct lab_words){ 0 }, ret_lab, e) < 0)
		return -1;
	if ((*ret_lab)->host_count)
		return 0;
	fail(e, FAIL_NOT_FOUND, "lab '%s' is on this host only: it has no `hosts`", (*ret_lab)->name);
	return fail_next(e, "labctl doctor    (checks this host); for several hosts: docs/howto/several-hosts.md");
}

int host_named(struct cli *c, struct lab **ret_lab, const struct host **ret, struct fail *e)
{
	const char **names = NULL;
	unsigned count = 0;
	struct host *alone;

	if (c->lab_name ? load_hosts(c, ret_lab, e) < 0 : load_for_show(c, false, &(struct lab_words){ 0 }, ret_lab, e) < 0)
		return -1;
	for (unsigned i = 0; i < (*ret_lab)->host_count; i++) {
		*arena_push(c->arena, names, count) = (*ret_lab)->hosts[i].name;
		if (strcmp((*ret_lab)->hosts[i].name, c->args[0]) != 0)
			continue;
		*ret = &(*ret_lab)->hosts[i];
		return i ? 0 : fail(e, FAIL_USAGE, "host %s is the first one, on which labctl runs", c->args[0]);
	}
	if (count) {
		*arena_push(c->arena, names, count) = NULL;
		return suggest_fail(e, arena_printf(c->arena, "lab '%s' has no host", (*ret_lab)->name), c->args[0], names);
	}
	alone = arena_new_of(c->arena, struct host);
	*alone = (struct host){ .name = c->args[0], .ssh = c->args[0] };
	*ret = alone;
	return *c->args[0] != '-' ? 0 : fail(e, FAIL_USAGE, "'%.64s' is no host", c->args[0]);
}

/* --- list --- */

static json_t *list_row(struct cli *c, const struct lab *lab, unsigned i)
{
	const struct host *h = &lab->hosts[i];
	struct host_load load = host_load(lab, i);
	unsigned long long needs = load.memory_mib, has = h->memory_mib;
	char underlay[16];

	ip_format(h->underlay, underlay);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "host", h->name, "ssh", h->ssh ? h->ssh : "", "underlay", underlay, "nodes",
			 host_nodes(lab, i, c->arena), "cpus",
			 h->cpus ? arena_printf(c->arena, "%u of %u", load.cpus, h->cpus) : arena_printf(c->arena, "%u", load.cpus), "memory",
			 has ? arena_printf(c->arena, "%llu MiB of %llu", needs, has) : arena_printf(c->arena, "%llu MiB", needs));
}

static int list(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "host", "HOST", false }, { "ssh", "SSH", false }, { "underlay", "UNDERLAY", false },
						 { "cpus", "CPUS", true },  { "memory", "MEMORY", true }, { "nodes", "NODES", false } };
	auto_(lab_free) struct lab *lab = NULL;
	json_t *rows, *doc;
	int r;

	if (load_hosts(c, &lab, e) < 0)
		return -1;
	rows = json_array();
	for (unsigned i = 0; i < lab->host_count; i++)
		json_array_append_new(rows, list_row(c, lab, i));
	doc = json_pack("{s:i, s:s, s:o}", "v", 1, "lab", lab->name, "hosts", rows);
	r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	json_decref(doc);
	return r;
}

const struct command cmd_host_list = {
	.name = "list", .run = list, .without = NO_LIBVIRT,
	.summary = "list the hosts of a lab, with their nodes and what these need",
	.help = "Asks no host: host check does.",
};

/* --- check --- */

static void add_finding(json_t *rows, const char *check, const char *found, const char *remedy)
{
	json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:b}", "check", check, "result", "fail", "found", found, "remedy", remedy,
					      "fixable", 0));
}

/* What doctor there cannot know: what this lab and this labctl need of it. */
static json_t *findings(struct cli *c, const struct lab *lab, const struct host_look *l)
{
	json_t *rows = json_array();
	char underlay[16];
	const char *why;

	if (!l->root)
		add_finding(rows, "root", "ssh logs in as another user", "root@ before the name of the host, or User root in ~/.ssh/config");
	if (l->host->ssh && !host_is_same(c, l, &why))
		add_finding(rows, "labctl", why, arena_printf(c->arena, "labctl %shost add %s", host_lab_words(c, lab), l->host->name));
	if (l->host->underlay && !l->link) {
		ip_format(l->host->underlay, underlay);
		add_finding(rows, "underlay", arena_printf(c->arena, "no link has the address %s", underlay),
			    "give it to a link, or write the right one into hosts of the lab file");
	} else if (l->host->underlay && l->mtu < UNDERLAY_MTU) {
		add_finding(rows, "underlay", arena_printf(c->arena, "the MTU of %s is %u", l->link, l->mtu),
			    arena_printf(c->arena, "ip link set %s mtu %u", l->link, UNDERLAY_MTU));
	}
	json_array_extend(rows, l->checks);
	return rows;
}

static bool is_result(const json_t *row, const char *result)
{
	const char *text = json_string_value(json_object_get(row, "result"));

	return text && !strcmp(text, result);
}

static unsigned count_of(const json_t *rows, const char *result)
{
	unsigned count = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		count += is_result(row, result);
	return count;
}

static json_t *host_row(struct cli *c, const struct lab *lab, const struct host_look *l)
{
	json_t *row = json_pack("{s:s, s:s}", "host", l->host->name, "ssh", l->host->ssh ? l->host->ssh : ""), *rows;
	unsigned failed;

	if (l->e.code) {
		json_object_set_new(row, "error", report_error(&l->e));
		json_object_set_new(row, "checks_text", json_string("does not answer"));
		return row;
	}
	rows = findings(c, lab, l);
	failed = count_of(rows, "fail");
	json_object_set_new(row, "system", json_sprintf("%s, %s", l->system ? l->system : "?", l->arch ? l->arch : "?"));
	json_object_set_new(row, "labctl", json_string(!l->host->ssh ? LABCTL_VERSION : l->version ? l->version : ""));
	if (l->program && l->host->ssh)
		json_object_set_new(row, "program", json_string(l->program));
	if (l->link)
		json_object_set_new(row, "underlay", json_sprintf("%s, MTU %u", l->link, l->mtu));
	json_object_set_new(row, "checks_text", json_sprintf("%u passed, %u warning%s, %u failed", count_of(rows, "pass"), count_of(rows, "warn"),
							     plural(count_of(rows, "warn")), failed));
	json_object_set_new(row, "fit", json_boolean(failed == 0));
	json_object_set_new(row, "checks", rows);
	return row;
}

/* A command is shown as it is typed here. */
static void print_finding(const struct host_look *l, const json_t *row)
{
	const char *remedy = json_string_value(json_object_get(row, "remedy")), *why = json_string_value(json_object_get(row, "why"));
	auto_(strbuf_clear) struct strbuf quoted = { 0 };

	printf("  %s: %s%s%s\n", json_string_value(json_object_get(row, "check")), json_string_value(json_object_get(row, "found")),
	       why ? "; " : "", why ? why : "");
	if (!remedy || !*remedy)
		return;
	if (!json_is_true(json_object_get(row, "fixable")) || !l->host->ssh) {
		printf("    %s\n", remedy);
		return;
	}
	quote_add(&quoted, QUOTE_SH, remedy);
	printf("    ssh %s %s\n", l->host->ssh, strbuf_text(&quoted));
}

static void print_findings(const struct host_look *l, const json_t *rows)
{
	json_t *row;
	size_t i;

	if (count_of(rows, "pass") == json_array_size(rows))
		return;
	printf("\nhost %s:\n", l->host->name);
	json_array_foreach(rows, i, row)
		if (!is_result(row, "pass"))
			print_finding(l, row);
}

static int judge(const struct host_look *looks, const json_t *rows, unsigned count, struct fail *e)
{
	unsigned silent = 0, unfit = 0;

	for (unsigned i = count; i-- > 0;) {
		if (looks[i].e.code) {
			silent++;
			*e = looks[i].e; /* that of the first one */
		} else if (!json_is_true(json_object_get(json_array_get(rows, i), "fit"))) {
			unfit++;
		}
	}
	if (silent && silent < count)
		e->code = FAIL_PARTIAL;
	if (silent)
		return -1;
	return unfit ? fail(e, FAIL_HOST, "%u of %u host%s cannot run a part of the lab, see above", unfit, count, plural(count)) : 0;
}

int host_check(struct cli *c, const struct lab *lab, const struct host *const *hosts, unsigned count, struct fail *e)
{
	static const struct column columns[] = { { "host", "HOST", false },     { "system", "SYSTEM", false }, { "labctl", "LABCTL", false },
						 { "underlay", "UNDERLAY", false }, { "checks_text", "CHECKS", false } };
	struct host_look *looks = arena_alloc(c->arena, (count + 1) * sizeof *looks);
	json_t *rows = json_array(), *doc;
	int r;

	for (unsigned i = 0; i < count; i++)
		looks[i] = (struct host_look){ .host = hosts[i], .doctor = true };
	host_look(c, looks, count);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(rows, host_row(c, lab, &looks[i]));
	doc = json_pack("{s:i, s:s, s:O}", "v", 1, "lab", lab->host_count ? lab->name : "", "hosts", rows);
	r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	for (unsigned i = 0, silent = 0; i < count && !c->json; i++) {
		if (looks[i].e.code && silent++ > 0) /* the first one is the failure of the command */
			printf("\nhost %s:\n  %s\n", looks[i].host->name, looks[i].e.text);
		else if (!looks[i].e.code)
			print_findings(&looks[i], json_object_get(json_array_get(rows, i), "checks"));
	}
	if (r == 0)
		r = judge(looks, rows, count, e);
	c->reported = c->json; /* the members "fit" and "error" say it */
	for (unsigned i = 0; i < count; i++)
		host_look_clear(&looks[i]);
	json_decref(doc);
	json_decref(rows);
	return r;
}

json_t *hosts_document(struct cli *c, const struct lab *lab)
{
	struct host_look *looks = arena_alloc(c->arena, (lab->host_count + 1) * sizeof *looks);
	json_t *rows = json_array();

	for (unsigned i = 0; i < lab->host_count; i++)
		looks[i] = (struct host_look){ .host = &lab->hosts[i], .doctor = true };
	host_look(c, looks, lab->host_count);
	for (unsigned i = 0; i < lab->host_count; i++) {
		json_array_append_new(rows, host_row(c, lab, &looks[i]));
		host_look_clear(&looks[i]);
	}
	return json_pack("{s:i, s:s, s:o}", "v", 1, "lab", lab->name, "hosts", rows);
}

static int check(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct host **hosts = NULL, *one;
	unsigned count = 0;

	if (c->arg_count)
		return host_named(c, &lab, &one, e) < 0 ? -1 : host_check(c, lab, &one, 1, e);
	if (load_hosts(c, &lab, e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->host_count; i++)
		*arena_push(c->arena, hosts, count) = &lab->hosts[i];
	return host_check(c, lab, hosts, count, e);
}

const struct command cmd_host_check = {
	.name = "check", .run = check, .args = { { "NAME", .optional = true, .complete = complete_hosts } },
	.summary = "ask the hosts of a lab whether they can run it: doctor on each, labctl, the underlay",
	.help =
	"Connects to all of them at the same time, by ssh as root, and shows what is wrong with each and the command that mends it. Whether there "
	"is the same labctl; whether a link has the host's underlay address and its MTU; and what labctl doctor says there. Changes "
	"nothing. A host that does not answer is named, the others are checked, and the exit status is 12.\n\n"
	"NAME: only this host.\n\n"
	"  labctl -f lab.yaml host check",
};
