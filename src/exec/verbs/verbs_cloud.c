/* SPDX-License-Identifier: PostgreSQL */
/* Nodes that boot a user-supplied disk: what their console and cloud-init report. */
#include <jansson.h>
#include <string.h>

#include "clock.h"
#include "verbs_seed.h"

#define EXPLAIN_MS 60000 /* `cloud-init status` is slow where the processor is emulated */

/* --- the console --- */

static const struct sign { const char *words, *means; } hopeless[] = {
	{ "No bootable device", "its disk has no boot loader for BIOS (the console says: No bootable device)" },
	{ "perating system not found", "its disk has no system that BIOS can boot (the console says: Operating system not found)" },
	{ "Missing operating system", "its disk has no system that BIOS can boot (the console says: Missing operating system)" },
	{ "Shell>", "its disk has no boot loader for UEFI (the console shows the firmware's shell)" },
	{ "No bootable option or device", "its disk has no boot loader for UEFI (the console says: No bootable option or device)" },
	{ "grub rescue>", "the boot loader on its disk cannot find its files (the console says: grub rescue>)" },
	{ "Kernel panic - not syncing", "its kernel panicked (the console says: Kernel panic)" },
	{ "Entering emergency mode", "its system booted into emergency mode (the console says why)" },
	{ "You are in emergency mode", "its system booted into emergency mode (the console says why)" },
};

static const struct sign unreachable[] = {
	{ "Booting from Hard Disk...", "no console output after the boot loader (is console=ttyS0 missing from its kernel arguments?)" },
	{ " login:", "its system is up, but cloud-init did not make it reachable (is cloud-init installed and enabled in the image?)" },
};

static const char *find_sign(const char *screen, const struct sign *signs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(screen, signs[i].words))
			return signs[i].means;
	return NULL;
}

const char *cloud_hopeless(const char *screen)
{
	return find_sign(screen, hopeless, ARRAY_COUNT(hopeless));
}

const char *cloud_hint(const char *screen)
{
	return find_sign(screen, unreachable, ARRAY_COUNT(unreachable));
}

/* --- cloud-init --- */

/* Runs @command on the node; its output in @out. Failures are ignored: the output only explains another failure. */
static void ask(struct ssh *s, const char *command, struct strbuf *out)
{
	struct ssh_run ask = { .command = command, .out = out, .deadline_ms = clock_after_ms(EXPLAIN_MS) };
	struct fail ignored;
	int status;

	ssh_run(s, &ask, &status, &ignored);
}

/* {"v1": {"datasource": "...", "errors": ["..."]}}, since cloud-init 0.7. */
static int read_result(const struct node *n, const char *text, struct fail *e)
{
	json_t *root = json_loads(text, 0, NULL), *errors = json_object_get(json_object_get(root, "v1"), "errors"), *one;
	auto_(strbuf_clear) struct strbuf all = { 0 };
	size_t i;

	json_array_foreach(errors, i, one)
		strbuf_printf(&all, "%s\n", json_is_string(one) ? json_string_value(one) : "(not text)");
	if (json_is_array(errors) && !all.len) {
		json_decref(root);
		return 0;
	}
	if (!json_is_array(errors))
		fail(e, FAIL_OTHER, "%s: cannot parse the result of cloud-init", n->name);
	else
		fail(e, FAIL_OTHER, "%s: cloud-init finished with %zu error%s", n->name, json_array_size(errors),
		     json_array_size(errors) == 1 ? "" : "s");
	json_decref(root);
	return fail_evidence(e, all.len ? strbuf_text(&all) : text, 20);
}

int cloud_wait(struct run *r, struct ssh *s, struct fail *e)
{
	/* Not `cloud-init status --wait`: each of its checks starts Python, which takes seconds under emulation. */
	static const char wait[] = "until cat /run/cloud-init/result.json 2>/dev/null; do sleep 0.5; done";
	const struct node *n = run_step(r)->node;
	const char *lab = runtime_lab(runtime_of(r))->name;
	auto_(strbuf_clear) struct strbuf out = { 0 }, more = { 0 };
	struct ssh_run run = { .command = wait, .out = &out, .deadline_ms = run_deadline_ms(r) };
	int status;

	run_say(r, "waiting for cloud-init");
	if (ssh_run(s, &run, &status, e) < 0) {
		if (e->code != FAIL_TIMEOUT)
			return fail_wrap(e, "%s: waiting for cloud-init", n->name);
		fail(e, FAIL_TIMEOUT, "%s: cloud-init has not finished", n->name);
		ask(s, "cloud-init status --long", &more);
		fail_evidence(e, strbuf_text(&more), 20);
		return fail_next(e, "labctl -l %s ssh %s, and there: less /var/log/cloud-init.log; then create, which continues to wait", lab,
				 n->name);
	}
	if (status == 0 && read_result(n, strbuf_text(&out), e) == 0)
		return 0;
	return fail_next(e, "labctl -l %s exec %s -- grep -B2 -A20 -e Traceback -e WARNING /var/log/cloud-init.log", lab, n->name);
}
