/* SPDX-License-Identifier: PostgreSQL */
/* list: the labs of this host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "defaults.h"
#include "facts.h"
#include "host_serve.h"
#include "gc_expired.h"
#include "journal.h"
#include "recipe.h"
#include "snapshots.h"
#include "state.h"
#include "virt.h"

static json_t *lab_row(struct cli *c, const char *name)
{
	struct lab_options o = { .state_dir = c->state_dir };
	auto_(lab_free) struct lab *lab = NULL;
	struct journal_last last = { 0 };
	struct snapshot *snapshots;
	struct paths paths;
	unsigned count;
	struct fail e = { 0 };
	char subnet[24] = "-";
	const char *master;
	json_t *row;

	load_paths(c, name, &paths);
	if (lab_load(paths.lab_file, &o, &lab, &e) < 0)
		return json_pack("{s:s, s:s}", "lab", name, "last", e.text);
	if (lab->net.subnet) {
		ip_format(lab->net.subnet, subnet);
		snprintf(subnet + strlen(subnet), 4, "/%u", lab->net.prefix_len);
	}
	row = json_pack("{s:s, s:i, s:s, s:s, s:s}", "lab", name, "nodes", (int)lab->node_count, "hypervisor",
			hypervisor_names[lab->hypervisor], "subnet", subnet, "kind",
			lab->cluster.recipe ? lab->cluster.recipe->kind : "");
	if ((master = host_master(&paths, c->arena)))
		json_object_set_new(row, "part_of", json_string(strrchr(master, ' ') ? strrchr(master, ' ') + 1 : master));
	if (state_is_protected(&paths))
		json_object_set_new(row, "is_protected", json_true());
	if (snapshots_list(&paths, c->arena, &snapshots, &count, &e) == 0 && count)
		json_object_set_new(row, "snapshots", json_integer(count));
	if (lab_expires(c, name))
		json_object_set_new(row, "expires", json_string(lab_expires(c, name)));
	if (lab->autostart)
		json_object_set_new(row, "autostart", json_true());
	if (journal_last(paths.journal, &last, &e) == 0 && *last.command) {
		time_t when = (time_t)(last.wall_ms / 1000);
		struct tm tm;
		char text[32] = "";

		strftime(text, sizeof text, "%Y-%m-%d %H:%M", localtime_r(&when, &tm));
		json_object_set_new(row, "last", json_sprintf("%s %s %s", last.command,
							      !last.finished ? "not finished" : last.failed ? "failed" : "ok", text));
	}
	return row;
}

/* Labs of other state directories: libvirt knows their networks and domains, each hypervisor its own domains. */
static void add_foreign(struct cli *c, json_t *rows)
{
	static const char *const uris[] = { LIBVIRT_LXC, LIBVIRT_QEMU };
	auto_(free) char *real = realpath(c->state_dir, NULL);

	for (size_t i = 0; i < (c->connect ? 1 : ARRAY_COUNT(uris)); i++) {
		auto_(virt_close) struct virt *v = NULL;
		struct facts facts = { 0 };
		struct fail e = { 0 };

		if (virt_open(c->connect ? c->connect : uris[i], &v, &e) < 0 || virt_facts(v, NULL, c->arena, &facts, &e) < 0) {
			report_say("%s: not looked at: %s\n", c->connect ? c->connect : uris[i], e.text);
			continue;
		}
		for (unsigned k = 0; k < facts.network_count; k++) {
			const struct fact_network *n = &facts.networks[k];
			const char *hypervisor = NULL;
			unsigned nodes = 0;

			for (unsigned d = 0; d < facts.domain_count; d++)
				if (!strcmp(facts.domains[d].lab_uuid, n->lab_uuid)) {
					hypervisor = facts.domains[d].type;
					nodes++;
				}
			if (nodes && n->state && strcmp(n->state, real ? real : c->state_dir) != 0)
				json_array_append_new(rows, json_pack("{s:s, s:i, s:s, s:s}", "lab", n->lab, "nodes", (int)nodes, "hypervisor",
								      hypervisor, "state", n->state));
		}
	}
}

struct list_words { bool all; };

static int list(struct cli *c, struct fail *e)
{
	static const struct table_column all[] = { { { "lab", "LAB", false }, false },       { { "nodes", "NODES", true }, false },
						    { { "hypervisor", "HYPERVISOR", false }, false }, { { "subnet", "SUBNET", false }, false },
						    { { "kind", "KIND", false }, false },     { { "part_of", "PART OF", false }, true },
						    { { "is_protected", "PROTECTED", false }, true },
						    { { "expires", "EXPIRES", false }, true }, { { "snapshots", "SNAPSHOTS", true }, true },
						    { { "state", "STATE DIRECTORY", false }, true }, { { "last", "LAST", false }, false } };
	const struct list_words *said = c->options;
	struct column columns[ARRAY_COUNT(all)];
	const char *const *names;
	json_t *rows, *doc;
	int r;

	if (state_labs(c->state_dir, c->arena, &names, e) < 0)
		return -1;
	rows = json_array();
	for (; *names; names++)
		json_array_append_new(rows, lab_row(c, *names));
	if (said->all)
		add_foreign(c, rows);
	doc = json_pack("{s:i, s:O}", "v", 1, "labs", rows);
	r = c->json ? report_json(doc, e) : report_table(rows, columns, columns_choose(all, ARRAY_COUNT(all), rows, columns), e);
	if (!c->json && json_array_size(rows) == 0)
		report_say("there are no labs in %s\nnext: labctl create 3\n", c->state_dir);
	json_decref(doc);
	json_decref(rows);
	return r;
}

static const struct option_row options[] = {
	{ "all", 'a', .at = offsetof(struct list_words, all), .text = "also labs of other state directories, as libvirt knows them" },
	{ 0 },
};

const struct command cmd_list = {
	.name = "list", .run = list, .without = NO_LAB | NO_LIBVIRT, .options = options, .options_size = sizeof(struct list_words),
	.summary = "show the labs of this host",
	.help = "To work with a lab of another state directory: LABCTL_STATE=DIRECTORY labctl -l NAME status",
};
