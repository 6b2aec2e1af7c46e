/* SPDX-License-Identifier: PostgreSQL */
#include "host_look.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "documents.h"
#include "hosts.h"
#include "lab.h"
#include "pool.h"
#include "proc.h"

#define LOOK_MS 120000 /* doctor connects to package sources */

int host_script(struct cli *c, const struct host *host, const char *script, int64_t limit_ms, struct strbuf *out, struct fail *e)
{
	const char *const there[] = { HOSTS_SSH, host->ssh, "sh -s", NULL }, *const here[] = { "sh", "-s", NULL };
	struct proc p = { .argv = host->ssh ? there : here, .input = script, .input_len = strlen(script), .out = out,
			  .deadline_ms = clock_after_ms(limit_ms), .cancel = c->cancel };
	char *end, *line;

	if (proc_check(&p, e) == 0)
		return 0;
	if (e->code == FAIL_CANCELED)
		return -1;
	/* The last line is the reason; without the dot of "Connection closed." */
	for (end = e->evidence + strlen(e->evidence); end > e->evidence && strchr("\r\n.", end[-1]);)
		*--end = '\0';
	line = strrchr(e->evidence, '\n');
	line = line ? line + 1 : e->evidence;
	if (*line) {
		auto_(free) char *said = strdup(line);

		fail(e, FAIL_SSH, "%s", said ? said : "");
	}
	e->code = e->code == FAIL_OTHER ? FAIL_SSH : e->code;
	if (!host->ssh)
		return fail_wrap(e, "host %s", host->name);
	fail_wrap(e, "host %s (ssh %s)", host->name, host->ssh);
	return fail_next(e, "ssh -o BatchMode=yes %s true", host->ssh);
}

const char *host_script_text(struct cli *c, const char *name, const struct host *host, bool doctor, struct fail *e)
{
	const char *text = library_text(c->lib, arena_printf(c->arena, "tuning/host/%s", name));
	char underlay[16] = "";

	if (!text) {
		fail(e, FAIL_OTHER, "labctl's data files lack tuning/host/%s (%s)", name, library_dir(c->lib));
		return NULL;
	}
	if (host->underlay)
		ip_format(host->underlay, underlay);
	return arena_printf(c->arena, "place=" HOST_PLACE "\ncommand=" HOST_COMMAND "\nunderlay=%s\ndoctor=%s\n%s", underlay, doctor ? "1" : "",
			    text);
}

/* --- what it says --- */

static void read_about(struct cli *c, struct host_look *l, const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	const char *version = json_string_value(json_object_get(o, "labctl")), *digest = json_string_value(json_object_get(o, "digest"));

	l->version = version ? arena_strdup(c->arena, version) : NULL;
	l->digest = digest ? arena_strdup(c->arena, digest) : "";
	json_decref(o);
}

static void read_line(struct cli *c, struct host_look *l, const char *name, const char *value)
{
	const struct { const char *name, **at; } texts[] = { { "arch", &l->arch }, { "system", &l->system }, { "program", &l->program },
							     { "sum", &l->sum },   { "taken", &l->taken },   { "link", &l->link } };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		if (!strcmp(name, texts[i].name))
			*texts[i].at = arena_strdup(c->arena, value);
	if (!strcmp(name, "uid"))
		l->root = !strcmp(value, "0");
	else if (!strcmp(name, "ours"))
		l->ours = true;
	else if (!strcmp(name, "mtu"))
		l->mtu = (unsigned)strtoul(value, NULL, 10);
	else if (!strcmp(name, "about"))
		read_about(c, l, value);
}

/* The text is another host's: whatever it says, it is only shown and compared. */
static void read_text(struct cli *c, struct host_look *l)
{
	char *rest = l->text.text, *line, *value;
	json_t *doc;

	while (rest && (line = strsep(&rest, "\n")) && strcmp(line, "---") != 0)
		if ((value = strchr(line, '='))) {
			*value++ = '\0';
			read_line(c, l, line, value);
		}
	doc = l->host->ssh ? rest ? json_loads(rest, 0, NULL) : NULL : l->doctor ? doctor_document(c) : NULL;
	l->checks = json_incref(json_object_get(doc, "checks"));
	if (!json_is_array(l->checks)) {
		json_decref(l->checks);
		l->checks = NULL;
	}
	json_decref(doc);
}

struct looking { struct cli *c; struct host_look *looks; const char **scripts; };

static void look_one(void *ctx, unsigned i)
{
	const struct looking *w = ctx;
	struct host_look *l = &w->looks[i];

	if (w->scripts[i])
		host_script(w->c, l->host, w->scripts[i], LOOK_MS, &l->text, &l->e);
	if (l->doctor && !w->c->json)
		report_say("%6.1fs  %s: %s\n", (double)(clock_now_ms() - w->c->start_ms) / 1000, l->host->name,
			   l->e.code ? "does not answer" : "has answered");
}

void host_look(struct cli *c, struct host_look *looks, unsigned count)
{
	struct looking w = { c, looks, arena_alloc(c->arena, (count + 1) * sizeof *w.scripts) };

	for (unsigned i = 0; i < count; i++)
		w.scripts[i] = host_script_text(c, "look.sh", looks[i].host, looks[i].doctor && looks[i].host->ssh, &looks[i].e);
	pool_run(count, count, look_one, &w);
	for (unsigned i = 0; i < count; i++)
		if (!looks[i].e.code)
			read_text(c, &looks[i]);
}

void host_look_clear(struct host_look *l)
{
	strbuf_clear(&l->text);
	json_decref(l->checks);
	l->checks = NULL;
}

bool host_is_same(struct cli *c, const struct host_look *l, const char **ret_why)
{
	char digest[65];

	library_digest(c->lib, digest);
	if (!l->program)
		*ret_why = "labctl is not installed";
	else if (!l->version)
		*ret_why = arena_printf(c->arena, "%s does not run", l->program);
	else if (strcmp(l->version, LABCTL_VERSION) != 0)
		*ret_why = arena_printf(c->arena, "labctl %s is there (%s), and " LABCTL_VERSION " here", l->version, l->program);
	else if (strcmp(l->digest, digest) != 0)
		*ret_why = arena_printf(c->arena, "labctl %s there (%s) has other data files", l->version, l->program);
	else
		return true;
	return false;
}
