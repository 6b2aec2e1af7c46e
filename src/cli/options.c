/* SPDX-License-Identifier: PostgreSQL */
/*
 * The command line. Options are one table of rows: argp parses and prints them, the
 * environment variables and the "did you mean" come from the same rows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "lab_source.h"
#include "suggest.h"

#define GLOBAL_KEYS "flnyjJtvHcT"

struct option_row {
	char key;             /* also the short option when .is_short */
	bool is_short;
	const char *name, *arg, *env, *text;
};

static const struct option_row rows[] = {
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
};

static int option_code(const struct option_row *row)
{
	return row->is_short ? row->key : 0x100 + row->key;
}

static bool takes(const struct cmd *cmd, char key)
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

/* @what names the option or the variable in failures; @value is NULL for options without argument. */
static int apply(struct cli *c, char key, const char *what, const char *value, struct fail *e)
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

static int apply_environment(struct cli *c, struct fail *e)
{
	const char *state = getenv("LABCTL_STATE"), *cache = getenv("LABCTL_CACHE");

	c->state_dir = state && *state ? state : "/var/lib/labctl";
	c->cache_dir = cache && *cache ? cache : "/var/cache/labctl";
	if (*c->state_dir != '/' || *c->cache_dir != '/')
		return fail(e, FAIL_USAGE, "LABCTL_STATE and LABCTL_CACHE must be absolute paths");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *value = rows[i].env ? getenv(rows[i].env) : NULL;

		if (value && *value && apply(c, rows[i].key, rows[i].env, value, e) < 0)
			return -1;
	}
	return 0;
}

static const struct option_row *find_long(const struct cmd *cmd, const char *name, size_t len)
{
	const struct option_row *found = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (!takes(cmd, rows[i].key) || strncmp(rows[i].name, name, len) != 0)
			continue;
		if (strlen(rows[i].name) == len)
			return &rows[i];
		found = found ? NULL : &rows[i];
	}
	return found;
}

static int unknown_option(const struct cmd *cmd, const char *word, struct fail *e)
{
	const char *known[ARRAY_COUNT(rows) + 2], *near;
	size_t count = 0, len = strcspn(word + 2, "=");
	char name[64];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (takes(cmd, rows[i].key))
			known[count++] = rows[i].name;
	known[count++] = "help";
	known[count] = NULL;
	snprintf(name, sizeof name, "%.*s", (int)len, word + 2);
	near = suggest(name, known);
	fail(e, FAIL_USAGE, "unknown option '--%s'%s%s%s%s", name, cmd ? " of labctl " : "", cmd ? cmd->name : "",
	     near ? "; did you mean --" : "", near ? near : "");
	return fail_next(e, "labctl help%s%s", cmd ? " " : "", cmd ? cmd->name : "");
}

/* argp complains in several lines and words of its own: look at the words first. */
static int check_words(const struct cmd *cmd, int argc, char **argv, struct fail *e)
{
	for (int i = 1; i < argc; i++) {
		const char *w = argv[i];
		const struct option_row *row = NULL;
		bool value_here = false;

		if (w[0] != '-' || !w[1])
			continue;
		if (!strcmp(w, "--"))
			break;
		if (!strcmp(w, "--help") || !strcmp(w, "-h") || !strcmp(w, "-?") || !strcmp(w, "--usage"))
			continue;
		if (w[1] == '-') {
			size_t len = strcspn(w + 2, "=");

			row = find_long(cmd, w + 2, len);
			if (!row)
				return unknown_option(cmd, w, e);
			value_here = w[2 + len] == '=';
			if (value_here && !row->arg)
				return fail(e, FAIL_USAGE, "--%s takes no value", row->name);
		} else {
			for (const char *p = w + 1; *p; p++) {
				row = NULL;
				for (size_t k = 0; k < ARRAY_COUNT(rows); k++)
					if (rows[k].is_short && rows[k].key == *p && takes(cmd, *p))
						row = &rows[k];
				if (!row) {
					fail(e, FAIL_USAGE, "unknown option '-%c'%s%s", *p, cmd ? " of labctl " : "",
					     cmd ? cmd->name : "");
					return fail_next(e, "labctl help%s%s", cmd ? " " : "", cmd ? cmd->name : "");
				}
				value_here = row->arg && p[1];
				if (row->arg)
					break;
			}
		}
		if (row->arg && !value_here && (++i >= argc || !strcmp(argv[i], "--")))
			return fail(e, FAIL_USAGE, "--%s needs a value: %s", row->name, row->arg);
	}
	return 0;
}

struct parsing {
	struct cli *c;
	struct fail *e;
	bool help;
	const char **words; /* words of the command */
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct parsing *p = state->input;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (key == option_code(&rows[i])) {
			char what[40];

			snprintf(what, sizeof what, "--%s", rows[i].name);
			return apply(p->c, rows[i].key, what, arg, p->e) < 0 ? EINVAL : 0;
		}
	if (key == 'h' || key == '?') {
		p->help = true;
		return 0;
	}
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	p->words[p->c->arg_count++] = arg;
	return 0;
}

static int parse_words(struct parsing *p, const struct cmd *cmd, int argc, char **argv)
{
	struct argp_option options[ARRAY_COUNT(rows) + 3];
	struct argp argp = { .options = options, .parser = parse_opt };
	unsigned flags = ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP;
	size_t count = 0;

	memset(options, 0, sizeof options);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (takes(cmd, rows[i].key))
			options[count++] = (struct argp_option){ rows[i].name, option_code(&rows[i]), rows[i].arg, 0, "-", 0 };
	options[count++] = (struct argp_option){ "help", 'h', NULL, 0, "-", 0 };
	options[count] = (struct argp_option){ 0 };
	p->e->code = FAIL_NONE;
	if (argp_parse(&argp, argc, argv, flags, NULL, p) == 0)
		return 0;
	return p->e->code != FAIL_NONE ? -1 : fail(p->e, FAIL_USAGE, "the command line cannot be understood");
}

static int unknown_command(const char *word, struct fail *e)
{
	const char *known[32], *near;
	size_t count = 0;

	for (const struct cmd *cmd = cmds; cmd->name; cmd++)
		known[count++] = cmd->name;
	known[count] = NULL;
	near = suggest(word, known);
	fail(e, FAIL_USAGE, "unknown command '%s'%s%s%s", word, near ? "; did you mean '" : "", near ? near : "",
	     near ? "'?" : "");
	return fail_next(e, "labctl help");
}

/* Index of the first word that is neither a global option nor its value; @words when there is none. */
static int find_command(int words, char **argv)
{
	for (int i = 1; i < words; i++) {
		const struct option_row *row = NULL;
		const char *w = argv[i];

		if (w[0] != '-')
			return i;
		if (w[1] == '-' && !strchr(w, '='))
			row = find_long(NULL, w + 2, strlen(w + 2));
		for (size_t k = 0; w[1] != '-' && k < ARRAY_COUNT(rows); k++)
			if (rows[k].is_short && rows[k].key == w[1] && !w[2])
				row = &rows[k];
		if (row && row->arg)
			i++;
	}
	return words;
}

static int parse_command(struct cli *c, int words, char **argv, struct fail *e)
{
	struct parsing p = { .c = c, .e = e };

	p.words = arena_alloc(c->arena, (size_t)words * sizeof *p.words);
	if (check_words(c->cmd, words, argv, e) < 0 || parse_words(&p, c->cmd, words, argv) < 0)
		return -1;
	if (p.help) {
		options_help(c->cmd);
		return 1;
	}
	c->args = p.words;
	if (c->arg_count > c->cmd->args_max) {
		fail(e, FAIL_USAGE, "labctl %s: one word too many: '%s'", c->cmd->name, c->args[c->cmd->args_max]);
		return fail_next(e, "labctl help %s", c->cmd->name);
	}
	return 0;
}

int options_parse(struct cli *c, int argc, char **argv, struct fail *e)
{
	struct parsing p = { .c = c, .e = e };
	int words = 1, at;

	if (apply_environment(c, e) < 0)
		return -1;
	while (words < argc && strcmp(argv[words], "--") != 0)
		words++;
	at = find_command(words, argv);
	if (check_words(NULL, at, argv, e) < 0 || parse_words(&p, NULL, at, argv) < 0)
		return -1;
	if (p.help) {
		options_overview();
		return 1;
	}
	if (at == words) {
		fail(e, FAIL_USAGE, "which command?");
		return fail_next(e, "labctl help");
	}
	c->cmd = cmd_find(argv[at]);
	if (!c->cmd)
		return unknown_command(argv[at], e);
	if (words < argc) {
		if (!c->cmd->takes_command)
			return fail(e, FAIL_USAGE, "labctl %s takes no '--'", c->cmd->name);
		c->rest = (const char *const *)argv + words + 1;
	}
	return parse_command(c, words - at, argv + at, e);
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
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (strchr(cmd->options, rows[i].key))
			print_option(&rows[i]);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (strchr(GLOBAL_KEYS, rows[i].key))
			print_option(&rows[i]);
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
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (strchr(GLOBAL_KEYS, rows[i].key))
			print_option(&rows[i]);
	printf("\n'labctl help COMMAND' explains a command; labctl(1) and lab(5) have the rest.\n");
}
