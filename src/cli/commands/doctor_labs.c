/* SPDX-License-Identifier: PostgreSQL */
/* What labs of this state directory need from the host beside their nodes: someone who starts and removes them; leases. */
#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "doctor.h"
#include "file.h"
#include "gc_expired.h"
#include "lease.h"
#include "plural.h"
#include "proc.h"
#include "state.h"
#include "when.h"

#define SEEN_S 3600 /* gc --expired should run more often */

/* The instance of a unit for a path, as `systemd-escape -p` makes it. */
static const char *instance(struct cli *c, const char *path)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	while (*path == '/')
		path++;
	for (const char *p = path; *p; p++) {
		if (*p == '/')
			strbuf_str(&out, p[1] && p[1] != '/' ? "-" : "");
		else if (isalnum((unsigned char)*p) || *p == ':' || *p == '_' || (*p == '.' && p > path))
			strbuf_char(&out, *p);
		else
			strbuf_printf(&out, "\\x%02x", (unsigned char)*p);
	}
	return arena_strdup(c->arena, strbuf_text(&out));
}

static bool unit_is(const char *what, const char *unit)
{
	const char *const argv[] = { "systemctl", what, "--quiet", unit, NULL };
	struct fail ignored = { 0 };
	int status = 1;

	return proc_run(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(10000) }, &status, &ignored) == 0 && status == 0;
}

/* The line for /etc/cron.d, with the state directory unless it is the usual one. */
static const char *cron(struct cli *c, const char *when, const char *command)
{
	return arena_printf(c->arena, "in /etc/cron.d/labctl: %s root LABCTL_STATE=%s labctl %s", when, c->state_dir, command);
}

static void look_expiry(struct doctor *d, const struct check *k)
{
	struct cli *c = d->c;
	const char *unit = arena_printf(c->arena, "labctl-expire@%s.timer", instance(c, c->state_dir));
	struct check row = *k;
	char ago[32];
	int64_t seen;

	if (!labs_expire(c, &seen))
		return;
	if (file_exists("/run/systemd/system")) {
		bool active = unit_is("is-active", unit);

		doctor_add(d, k, active, arena_printf(c->arena, "%s is %sactive", unit, active ? "" : "not "),
			   arena_printf(c->arena, "systemctl enable --now '%s'", unit));
		return;
	}
	duration_text(seen < 0 ? 0 : seen, ago);
	row.advice = cron(c, "*/10 * * * *", "-y gc --expired");
	doctor_add(d, &row, seen >= 0 && seen < SEEN_S,
		   seen < 0 ? "no systemd here, and nobody has looked since the host started" :
			      arena_printf(c->arena, "no systemd here; somebody looked %s ago", ago), NULL);
}

static bool any_autostart(struct cli *c)
{
	const char *const *names;
	struct fail ignored = { 0 };

	if (state_labs(c->state_dir, c->arena, &names, &ignored) < 0)
		return false;
	for (; *names; names++) {
		struct lab_options o = { .state_dir = c->state_dir };
		auto_(lab_free) struct lab *lab = NULL;
		struct paths paths;

		load_paths(c, *names, &paths);
		if (lab_load(paths.lab_file, &o, &lab, &ignored) == 0 && lab->autostart)
			return true;
	}
	return false;
}

static void look_autostart(struct doctor *d, const struct check *k)
{
	struct cli *c = d->c;
	const char *unit = arena_printf(c->arena, "labctl-autostart@%s.service", instance(c, c->state_dir));
	struct check row = *k;

	if (!any_autostart(c))
		return;
	if (file_exists("/run/systemd/system")) {
		bool enabled = unit_is("is-enabled", unit);

		doctor_add(d, k, enabled, arena_printf(c->arena, "%s is %senabled", unit, enabled ? "" : "not "),
			   arena_printf(c->arena, "systemctl enable '%s'", unit));
		return;
	}
	row.advice = cron(c, "@reboot", "autostart");
	doctor_add(d, &row, false, "no systemd here; labctl cannot see whether something runs labctl autostart at boot", NULL);
}

static void look_leases(struct doctor *d, const struct check *k)
{
	struct cli *c = d->c;
	const char *const *names;
	struct fail ignored = { 0 };
	struct lease_lab *leases;
	unsigned count, old = 0;

	if (state_labs(c->state_dir, c->arena, &names, &ignored) < 0 || lease_labs(c->state_dir, c->arena, &leases, &count, &ignored) < 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		const char *const *name = names;
		struct paths paths;

		while (*name && strcmp(*name, leases[i].lab) != 0)
			name++;
		load_paths(c, leases[i].lab, &paths);
		old += !*name && !state_is_locked(&paths);
	}
	doctor_add(d, k, old == 0, old ? arena_printf(c->arena, "%u of %u belong%s to no lab", old, count, old == 1 ? "s" : "") :
					 arena_printf(c->arena, "%u", count), NULL);
}

const struct check checks_labs[] = {
	{ "leases", WARN, "subnets stay reserved", "labctl -y gc", NULL, look_leases, NULL },
	{ "lifetimes", WARN, "a lab has a ttl, and nothing removes it when that is over", NULL, NULL, look_expiry, NULL },
	{ "autostart", WARN, "a lab has autostart: true, and nothing starts it at boot", NULL, NULL, look_autostart, NULL },
	{ 0 },
};
