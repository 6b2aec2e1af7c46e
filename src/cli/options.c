/* SPDX-License-Identifier: PostgreSQL */
/* The global options, and parsers for values of options. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "complete.h"
#include "suggest.h"

#define JOBS_MAX 256
#define TIMEOUT_MAX_S (7 * 24 * 3600)

int option_text(void *field, const char *what, const char *value, struct fail *e)
{
	(void)what;
	(void)e;
	*(const char **)field = value;
	return 0;
}

static bool truth(const char *value)
{
	return !value || !(*value == '\0' || !strcmp(value, "0") || !strcmp(value, "no") || !strcmp(value, "false"));
}

int option_switch(void *field, const char *what, const char *value, struct fail *e)
{
	(void)what;
	(void)e;
	*(bool *)field = truth(value);
	return 0;
}

int option_repeat(void *field, const char *what, const char *value, struct fail *e)
{
	(void)what;
	(void)e;
	*(unsigned *)field += truth(value);
	return 0;
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

static int set_jobs(void *field, const char *what, const char *value, struct fail *e)
{
	unsigned long number;

	if (parse_number(what, value, JOBS_MAX, &number, e) < 0)
		return -1;
	*(unsigned *)field = (unsigned)number;
	return 0;
}

/* Milliseconds. */
static int set_timeout(void *field, const char *what, const char *value, struct fail *e)
{
	unsigned long number;

	if (parse_number(what, value, TIMEOUT_MAX_S, &number, e) < 0)
		return -1;
	*(int64_t *)field = (int64_t)number * 1000;
	return 0;
}

static int set_lab(void *field, const char *what, const char *value, struct fail *e)
{
	/* Check it now: it becomes part of paths before a lab file is read. */
	if (form_lab_name(value))
		return fail(e, FAIL_USAGE, "%s: '%.64s' is not a valid name of a lab: it %s", what, value, form_lab_name(value));
	return option_text(field, what, value, e);
}

static int set_hypervisor(void *field, const char *what, const char *value, struct fail *e)
{
	char asked[96];

	for (unsigned i = 0; i < HYPERVISOR_COUNT; i++)
		if (!strcmp(hypervisor_names[i], value)) {
			*(struct hypervisor_word *)field = (struct hypervisor_word){ i, what };
			return 0;
		}
	snprintf(asked, sizeof asked, "%s: unknown hypervisor", what);
	return suggest_fail(e, asked, value, hypervisor_names);
}

#define AT(field) offsetof(struct cli, field)

const struct option_row options_global[] = {
	{ "file", 'f', .arg = "FILE", .env = "LABCTL_FILE", .complete = complete_files, .at = AT(file),
	  .text = "lab file; ./labctl.yaml if it exists" },
	{ "lab", 'l', .arg = "LAB", .env = "LABCTL_LAB", .complete = complete_labs, .set = set_lab, .at = AT(lab_name),
	  .text = "name of the lab; may be left out if there is only one" },
	{ "dry-run", 'n', .env = "LABCTL_DRY_RUN", .at = AT(dry_run), .text = "show the steps, change nothing" },
	{ "yes", 'y', .env = "LABCTL_YES", .at = AT(yes), .text = "do not ask for confirmation" },
	{ "jobs", 'j', .arg = "N", .env = "LABCTL_JOBS", .set = set_jobs, .at = AT(jobs),
	  .text = "steps to run in parallel (1 to 256); by default the number of nodes, from 8 to 64" },
	{ "json", .env = "LABCTL_JSON", .at = AT(json), .text = "one JSON document instead of a table, for failures too" },
	{ "timeout", .arg = "SECONDS", .env = "LABCTL_TIMEOUT", .set = set_timeout, .at = AT(timeout_ms),
	  .text = "give up after this time" },
	{ "verbose", 'v', .env = "LABCTL_VERBOSE", .set = option_repeat, .at = AT(verbose),
	  .text = "also show what each step changed and skipped" },
	{ "hypervisor", .arg = "TYPE", .env = "LABCTL_HYPERVISOR", .complete = complete_hypervisors, .set = set_hypervisor,
	  .at = AT(hypervisor), .text = "one of kvm, qemu (emulated), lxc (containers), or auto: kvm if it works, else qemu" },
	{ "connect", .arg = "URI", .env = "LABCTL_CONNECT", .at = AT(connect), .text = "libvirt URI to connect to instead of the system's" },
	{ "timings", .env = "LABCTL_TIMINGS", .at = AT(timings), .text = "show where the time went, per phase and node" },
	{ "help", 'h', .at = AT(help), .text = "explain the command" },
	{ "version", 'V', .at = AT(version), .text = "show the version" },
	{ 0 },
};

const struct option_row *option_find(const struct option_row *rows, const char *name)
{
	for (; rows && rows->name; rows++)
		if (!strcmp(rows->name, name))
			return rows;
	return NULL;
}

const struct option_row *option_letter(const struct option_row *rows, char letter)
{
	for (; rows && rows->name; rows++)
		if (rows->letter && rows->letter == letter)
			return rows;
	return NULL;
}
