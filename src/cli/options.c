/* SPDX-License-Identifier: PostgreSQL */
/*
 * Options are one table of rows: what they set, their environment variables and the help are here; the words of a
 * command line, and "did you mean", in command_line.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_source.h"
#include "options.h"
#include "suggest.h"

#define GLOBAL_KEYS "flnyjJtvHcT"

const struct option_row option_rows[] = {
	{ 'f', true, "file", "FILE", "LABCTL_FILE", "the lab file; ./labctl.yaml when there is one" },
	{ 'l', true, "lab", "LAB", "LABCTL_LAB", "the lab's name; may be left out when there is only one" },
	{ 'n', true, "dry-run", NULL, "LABCTL_DRY_RUN", "show the steps, touch nothing" },
	{ 'y', true, "yes", NULL, "LABCTL_YES", "do not ask" },
	{ 'j', true, "jobs", "N", "LABCTL_JOBS", "steps at the same time (1..256)" },
	{ 'J', false, "json", NULL, "LABCTL_JSON", "one JSON document instead of a table" },
	{ 't', false, "timeout", "SECONDS", "LABCTL_TIMEOUT", "give up after this time, whatever runs" },
	{ 'v', true, "verbose", NULL, "LABCTL_VERBOSE", "tell more: what each step changed and skipped" },
	{ 'H', false, "hypervisor", "TYPE", "LABCTL_HYPERVISOR", "auto, kvm, qemu (emulated) or lxc (containers)" },
	{ 'c', false, "connect", "URI", "LABCTL_CONNECT", "libvirt to use instead of the system's" },
	{ 'T', false, "timings", NULL, "LABCTL_TIMINGS", "show where the time went, per phase and node" },
	{ 's', false, "source", "FILE|URL", NULL, "source archive of the cluster's software" },
	{ 'k', false, "keep-data", NULL, NULL, "keep the data directories" },
	{ 'd', false, "dot", NULL, NULL, "print the graph for Graphviz" },
	{ 'o', true, "out", "DIR", NULL, "directory to write to; must be empty or missing" },
	{ 'r', true, "role", "ROLE", NULL, "only nodes with this role" },
	{ 'i', false, "format", "FORMAT", NULL, "pg_service, pgpass, jdbc, ansible, ssh_config, hosts or json" },
	{ 'K', false, "kickstart", "RELEASE", NULL, "what is installed: debian12, el5..el10 or one of their clones (rocky9)" },
	{ 'm', false, "media", "FILE|URL", NULL, "ISO to install from; netboot for Debian" },
	{ 'z', false, "disk", "SIZE", NULL, "size of the image's disk (10G)" },
	{ '2', false, "sha256", "DIGEST", NULL, "digest that the file must have" },
	{ 'R', false, "release", "RELEASE", NULL, "what the imported disk holds, when its name does not say so" },
	{ 'S', false, "image", "NAME", NULL, "image the nodes boot from" },
	{ 'D', false, "db", "DATABASE", NULL, "the database to look at; postgres by default" },
	{ 'N', false, "schema", "SCHEMA", NULL, "only tables of this schema" },
	{ 'C', false, "column", "COLUMN", NULL, "the column by which tables are distributed" },
	{ 'P', false, "template", "NAME", NULL, "what the database is made from: citus, postgis" },
	{ 'F', false, "force", NULL, NULL, "end the sessions that are in the way" },
	{ 'L', false, "truncate-local", NULL, NULL, "remove the local rows of tables that are distributed" },
	{ 0 },
};
static_assert(ARRAY_COUNT(option_rows) <= OPTIONS_MAX + 1, "more options than a command line has room for");

bool option_taken(const struct cmd *cmd, char key)
{
	return strchr(GLOBAL_KEYS, key) || (cmd && strchr(cmd->options, key));
}

int parse_count(const char *text, unsigned *ret, struct fail *e)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value == 0 || value > LAB_NODES_MAX)
		return fail(e, FAIL_USAGE, "'%s' is not a number of nodes (1..%d)", text, LAB_NODES_MAX);
	*ret = (unsigned)value;
	return 0;
}

static int parse_number(const char *what, const char *text, unsigned long max, unsigned long *ret, struct fail *e)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *ret == 0 || *ret > max)
		return fail(e, FAIL_USAGE, "%s: '%s' is not a number from 1 to %lu", what, text, max);
	return 0;
}

static bool truth(const char *value)
{
	return !value || !(*value == '\0' || !strcmp(value, "0") || !strcmp(value, "no") || !strcmp(value, "false"));
}

static int set_hypervisor(struct cli *c, const char *what, const char *value, struct fail *e)
{
	const char *near;

	for (unsigned i = 0; i < HYPERVISOR_COUNT; i++)
		if (!strcmp(hypervisor_names[i], value)) {
			c->hypervisor = i;
			return 0;
		}
	near = suggest(value, hypervisor_names);
	return fail(e, FAIL_USAGE, "%s: unknown hypervisor '%s'%s%s%s (auto, kvm, qemu, lxc)", what, value,
		    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int option_apply(struct cli *c, char key, const char *what, const char *value, struct fail *e)
{
	unsigned long number;

	switch (key) {
	case 'f': c->file = value; break;
	case 'l':
		/* It becomes part of paths before any lab file is read. */
		if (form_lab_name(value))
			return fail(e, FAIL_USAGE, "%s: lab '%s': a name %s", what, value, form_lab_name(value));
		c->lab_name = value;
		break;
	case 'n': c->dry_run = truth(value); break;
	case 'y': c->yes = truth(value); break;
	case 'J': c->json = truth(value); break;
	case 'T': c->timings = truth(value); break;
	case 'v': c->verbose += truth(value); break;
	case 'c': c->connect = value; break;
	case 's': c->source = value; break;
	case 'k': c->keep_data = true; break;
	case 'd': c->dot = true; break;
	case 'o': c->out = value; break;
	case 'r': c->role = value; break;
	case 'i': c->format = value; break;
	case 'S': c->image = value; break;
	case 'K': c->kickstart = value; break;
	case 'm': c->media = value; break;
	case 'z': c->disk = value; break;
	case '2': c->sha256 = value; break;
	case 'R': c->release = value; break;
	case 'D': c->database = value; break;
	case 'N': c->schema = value; break;
	case 'C': c->column = value; break;
	case 'P': c->template = value; break;
	case 'F': c->force = true; break;
	case 'L': c->truncate_local = true; break;
	case 'H': return set_hypervisor(c, what, value, e);
	case 'j':
		if (parse_number(what, value, 256, &number, e) < 0)
			return -1;
		c->jobs = (unsigned)number;
		break;
	case 't':
		if (parse_number(what, value, 7 * 24 * 3600, &number, e) < 0)
			return -1;
		c->timeout_ms = (int64_t)number * 1000;
		break;
	}
	return 0;
}

int options_environment(struct cli *c, struct fail *e)
{
	const char *state = getenv("LABCTL_STATE"), *cache = getenv("LABCTL_CACHE");

	c->state_dir = state && *state ? state : "/var/lib/labctl";
	c->cache_dir = cache && *cache ? cache : "/var/cache/labctl";
	if (*c->state_dir != '/' || *c->cache_dir != '/')
		return fail(e, FAIL_USAGE, "LABCTL_STATE and LABCTL_CACHE must be absolute paths");
	for (const struct option_row *o = option_rows; o->name; o++) {
		const char *value = o->env ? getenv(o->env) : NULL;

		if (value && *value && option_apply(c, o->key, o->env, value, e) < 0)
			return -1;
	}
	return 0;
}

static void print_option(const struct option_row *row)
{
	char left[48];

	snprintf(left, sizeof left, "%s%c%s--%s%s%s", row->is_short ? "-" : " ", row->is_short ? row->key : ' ',
		 row->is_short ? ", " : "  ", row->name, row->arg ? " " : "", row->arg ? row->arg : "");
	printf("  %-26s %s\n", left, row->text);
}

void options_help(const struct cmd *cmd)
{
	printf("Usage: labctl [OPTIONS] %s %s\n\n%s.\n", cmd->name, cmd->args, cmd->summary);
	if (*cmd->help)
		printf("\n%s\n", cmd->help);
	printf("\nOptions:\n");
	for (const struct option_row *o = option_rows; o->name; o++)
		if (strchr(cmd->options, o->key))
			print_option(o);
	for (const struct option_row *o = option_rows; o->name; o++)
		if (strchr(GLOBAL_KEYS, o->key))
			print_option(o);
	printf("      --help                 this text\n");
}

void options_overview(void)
{
	printf("Usage: labctl [OPTIONS] COMMAND [ARGUMENTS]\n\n"
	       "Labs of machines with a distributed PostgreSQL on them, made and removed by one command.\n\n"
	       "  labctl create 8 && labctl bootstrap pgxc --source pgxc-v1.0.2.tar.gz && labctl destroy\n\n"
	       "Commands:\n");
	for (const struct cmd *cmd = cmds; cmd->name; cmd++)
		printf("  %-11s%s\n", cmd->name, cmd->summary);
	printf("\nOptions (each also an environment variable, LABCTL_FILE and so on):\n");
	for (const struct option_row *o = option_rows; o->name; o++)
		if (strchr(GLOBAL_KEYS, o->key))
			print_option(o);
	printf("\n'labctl help COMMAND' explains a command; labctl(1) and lab(5) have the rest.\n");
}
