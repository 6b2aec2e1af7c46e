/* SPDX-License-Identifier: PostgreSQL */
/* doctor: what this host lacks, and --fix, which mends it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "doctor.h"
#include "documents.h"
#include "plural.h"
#include "proc.h"
#include "purge.h"
#include "suggest.h"

#define FIX_TIMEOUT_MS 900000 /* apt-get may download QEMU */

void doctor_add(struct doctor *d, const struct check *k, bool good, const char *found, const char *fix)
{
	static const char *const names[] = { [PASS] = "pass", [WARN] = "warn", [FAULT] = "fail" };
	const char *command = good ? NULL : fix ? fix : k->fix;
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:b}", "check", k->name, "result", names[good ? PASS : k->missing], "found", found,
				"remedy", good ? "" : command ? command : k->advice ? k->advice : "", "fixable", command != NULL);

	if (!good && k->why)
		json_object_set_new(row, "why", json_string(k->why));
	json_array_append_new(d->rows, row);
}

static const struct check *const tables[] = { checks_host, checks_network, checks_labs };

/* Runs every check, or the one that @only names. */
static json_t *look(struct cli *c, const char *only)
{
	struct doctor d = { .c = c, .rows = json_array(), .only = only };

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
		for (const struct check *k = tables[i]; k->name; k++)
			if (!only || !strcmp(only, k->name))
				k->look(&d, k);
	return d.rows;
}

static int check_name(struct cli *c, const char *name, struct fail *e)
{
	const char **names = NULL;
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
		for (const struct check *k = tables[i]; k->name; k++) {
			if (!strcmp(k->name, name))
				return 0;
			*arena_push(c->arena, names, count) = k->name;
		}
	*arena_push(c->arena, names, count) = NULL;
	return suggest_fail(e, "there is no check", name, names);
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static void print_remedies(const json_t *rows)
{
	const char *gap = "\n";
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (!*text_of(row, "remedy"))
			continue;
		if (*text_of(row, "why"))
			printf("%s%s: %s\n  %s\n", gap, text_of(row, "check"), text_of(row, "why"), text_of(row, "remedy"));
		else
			printf("%s%s: %s\n", gap, text_of(row, "check"), text_of(row, "remedy"));
		gap = "";
	}
}

static unsigned count_faults(const json_t *rows)
{
	unsigned faults = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		faults += !strcmp(text_of(row, "result"), "fail");
	return faults;
}

static json_t *document(struct cli *c, const char *only)
{
	json_t *rows = look(c, only);

	return json_pack("{s:i, s:b, s:o}", "v", 1, "fit", count_faults(rows) == 0, "checks", rows);
}

json_t *doctor_document(struct cli *c)
{
	return document(c, NULL);
}

/* --- --fix --- */

/* Asks before each command; false: not this one. */
static int agreed(const struct cli *c, const char *command, bool *ret, struct fail *e)
{
	char answer[16] = "";

	*ret = c->yes;
	if (c->yes)
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		fail(e, FAIL_USAGE, "this runs '%s' and more; without a terminal on standard input and error, labctl cannot ask", command);
		return fail_next(e, "labctl -y doctor --fix, or run the commands of labctl doctor by hand");
	}
	report_say("  run it? [y/N] ");
	if (!fgets(answer, sizeof answer, stdin))
		return fail(e, FAIL_CANCELED, "not confirmed");
	*ret = *answer == 'y' || *answer == 'Y';
	return 0;
}

static void say_line(void *ctx, const char *line)
{
	(void)ctx;
	report_say("  | %s\n", line);
}

static int run_fix(struct cli *c, const char *command, struct fail *e)
{
	/* What it prints is shown as it comes. */
	const char *const argv[] = { "sh", "-c", arena_printf(c->arena, "exec 2>&1; %s", command), NULL };
	struct proc p = { .argv = argv, .line = say_line, .deadline_ms = clock_after_ms(FIX_TIMEOUT_MS), .cancel = c->cancel };

	return proc_check(&p, e);
}

/* Several checks may have the same command. */
static bool said_before(const json_t *rows, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(text_of(json_array_get(rows, k), "remedy"), text_of(json_array_get(rows, i), "remedy")))
			return true;
	return false;
}

static int fix_all(struct cli *c, const json_t *rows, struct fail *e)
{
	unsigned run = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *command = text_of(row, "remedy");
		struct fail why = { 0 };
		bool go;

		if (!json_is_true(json_object_get(row, "fixable")) || said_before(rows, i))
			continue;
		if (!strncmp(command, "apt-get install ", 16))
			command = arena_printf(c->arena, "DEBIAN_FRONTEND=noninteractive apt-get install -y %s", command + 16);
		report_say("%s: %s\n  %s\n", text_of(row, "check"), text_of(row, "found"), command);
		if (c->dry_run)
			continue;
		if (agreed(c, command, &go, e) < 0)
			return -1;
		if (go && run_fix(c, command, &why) < 0)
			report_say("  failed: %s\n", why.text);
		if (why.code == FAIL_CANCELED) {
			*e = why;
			return -1;
		}
		run += go;
	}
	if (!c->dry_run)
		report_say("%u command%s run; checking again\n", run, plural(run));
	return 0;
}

struct doctor_words { bool purge, fix, kvm; };

static int check_words(const struct doctor_words *said, const char *check, struct fail *e)
{
	if (said->purge && (said->fix || said->kvm || check))
		return fail(e, FAIL_USAGE, "--purge checks nothing: it excludes --fix, --kvm and CHECK");
	if (said->kvm && check)
		return fail(e, FAIL_USAGE, "--kvm is the check '" CHECK_GUEST "': it excludes another one");
	return 0;
}

static int unfit(const char *only, unsigned faults, struct fail *e)
{
	if (only && !strcmp(only, CHECK_GUEST))
		return fail(e, FAIL_HOST, "KVM does not run a guest on this host");
	return fail(e, FAIL_HOST, "this host cannot run labs: %u check%s failed", faults, plural(faults));
}

static int doctor(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "check", "CHECK", false }, { "result", "RESULT", false },
						 { "found", "FOUND", false } };
	const struct doctor_words *said = c->options;
	const char *only = c->arg_count ? c->args[0] : said->kvm ? CHECK_GUEST : NULL;
	json_t *doc;
	const json_t *rows;
	unsigned faults;
	int r;

	if (check_words(said, c->arg_count ? c->args[0] : NULL, e) < 0)
		return -1;
	if (only && check_name(c, only, e) < 0)
		return -1;
	if (said->purge)
		return purge_report(c, e);
	doc = document(c, only);
	if (said->fix) {
		r = fix_all(c, json_object_get(doc, "checks"), e);
		json_decref(doc);
		if (r < 0 || c->dry_run)
			return r;
		doc = document(c, only);
	}
	rows = json_object_get(doc, "checks");
	faults = count_faults(rows);
	r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	if (!c->json)
		print_remedies(rows);
	c->reported = c->json; /* the member "fit" says it */
	json_decref(doc);
	return r < 0 ? r : faults ? unfit(only, faults, e) : 0;
}

static const struct option_row doctor_options[] = {
	{ "kvm", .at = offsetof(struct doctor_words, kvm),
	  .text = "start a small guest from an image with KVM, measure its boot, and say what is wrong" },
	{ "fix", .at = offsetof(struct doctor_words, fix), .text = "show each command that mends something, ask, run it, and check again" },
	{ "purge", .at = offsetof(struct doctor_words, purge),
	  .text = "list what stays on this host when the package labctl is purged, and what removes it" },
	{ 0 },
};

const struct command cmd_doctor = {
	.name = "doctor", .run = doctor, .args = { { "CHECK", .optional = true } }, .options = doctor_options, .options_size = sizeof(struct doctor_words), .without = NO_LAB,
	.summary = "check whether this host can run labs, list what is missing, and mend it",
	.help =
	"Checks KVM, libvirt, programs, limits of the kernel, space and memory; packet filters that keep nodes from their data or "
	"from other networks, by a real connection where a lab runs; libvirt's own rules, which other programs may have removed; leases "
	"and lifetimes of labs. Each fault is shown with its consequence and the command that mends it.\n\n"
	"With --fix, shows these commands one by one, asks before each (-y: does not ask; -n: only shows them), runs them with a shell, and "
	"checks again. Rules of a packet filter last until it is loaded again: docs/howto/firewall.md.\n\n"
	"CHECK: only this one.\n\n"
	"With --kvm, starts a guest that boots the disk of an image, which it only reads, and powers itself off; that takes seconds where KVM "
	"works. It finds hosts whose /dev/kvm runs nothing, or runs it as slowly as emulation does. --timeout limits it (default: 120 s); "
	"--hypervisor qemu starts the same guest emulated, to compare.\n\n"
	"With --purge, lists labs, sandboxes, configuration files and directories that stay when the package is purged. A purge "
	"removes the state directory and the cache, unless there are labs. The packages that labctl depends on stay until apt-get "
	"autoremove.\n\n"
	"  labctl doctor\n"
	"  labctl doctor --fix\n"
	"  labctl doctor --kvm\n"
	"  labctl doctor 'filter to NFS'",
};
