/* SPDX-License-Identifier: PostgreSQL */
/* collect: everything that a bug report needs, in one archive, without secrets. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "collect.h"
#include "complete.h"
#include "documents.h"
#include "file.h"
#include "hosts.h"
#include "pack.h"
#include "plural.h"
#include "recipe.h"
#include "secrets.h"
#include "state.h"
#include "virt.h"
#include "when.h"

#define FILE_BYTES (8u << 20) /* of a file of the record, the end */

DEFINE_AUTO(DIR *, closedir)

void collect_add(struct collect *w, const char *name, struct strbuf *text)
{
	auto_(strbuf_clear) struct strbuf path = { 0 };

	secrets_redact_all(runtime_secrets(w->rt), text->text, text->len);
	strbuf_printf(&path, "%s/%s", w->top, name);
	pthread_mutex_lock(&w->lock);
	if (!w->broken && pack_add(w->pack, path.text, strbuf_text(text), text->len, &w->why) < 0)
		w->broken = true;
	w->files++;
	pthread_mutex_unlock(&w->lock);
}

void collect_miss(struct collect *w, const char *name, const struct fail *why)
{
	struct fail shown = *why;

	secrets_redact_fail(runtime_secrets(w->rt), &shown);
	report_say("%s: %s\n", name, shown.text);
	pthread_mutex_lock(&w->lock);
	strbuf_printf(&w->missing, "%s: %s\n", name, shown.text);
	pthread_mutex_unlock(&w->lock);
}

/* --- files of the host: each appends its text; 1 = there is none --- */

static int add_end(const char *path, struct strbuf *out, struct fail *e)
{
	return !path || !file_exists(path) ? 1 : file_end(path, FILE_BYTES, out, e);
}

static int lab_of_record(struct collect *w, struct strbuf *out, struct fail *e)
{
	return add_end(runtime_paths(w->rt)->lab_file, out, e);
}

static int lab_of_user(struct collect *w, struct strbuf *out, struct fail *e)
{
	/* with -l it may be the file of another lab */
	return w->c->lab_name ? 1 : add_end(lab_file(w->c), out, e);
}

static int journal(struct collect *w, struct strbuf *out, struct fail *e)
{
	return add_end(runtime_paths(w->rt)->journal, out, e);
}

static int journal_before(struct collect *w, struct strbuf *out, struct fail *e)
{
	return add_end(arena_printf(w->c->arena, "%s.old", runtime_paths(w->rt)->journal), out, e);
}

static int warnings(struct collect *w, struct strbuf *out, struct fail *e)
{
	return state_warnings(runtime_paths(w->rt), out, e) < 0 ? -1 : out->len == 0;
}

/* The names of files, two directories deep, never what is in them: there are keys and passwords. */
static void list_dir(struct strbuf *out, const char *path, unsigned depth)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(closedir) DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		const char *name = arena_printf(a, "%s/%s", path, entry->d_name);

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || lstat(name, &st) < 0)
			continue;
		strbuf_printf(out, "%06o %5u:%-5u %12lld %lld %s\n", st.st_mode, st.st_uid, st.st_gid, (long long)st.st_size,
			      (long long)st.st_mtime, name);
		if (S_ISDIR(st.st_mode) && depth)
			list_dir(out, name, depth - 1);
	}
}

static int record(struct collect *w, struct strbuf *out, struct fail *e)
{
	(void)e;
	strbuf_str(out, "# mode owner bytes changed name\n");
	list_dir(out, runtime_paths(w->rt)->lab, 2);
	return 0;
}

static int print_plan(struct plan *p, struct strbuf *out)
{
	plan_print_text(p, out);
	plan_free(p);
	return 0;
}

static int create_plan(struct collect *w, struct strbuf *out, struct fail *e)
{
	struct plan *p;

	return plan_create(w->lab, w->c->lib, &p, e) < 0 ? -1 : print_plan(p, out);
}

static int bootstrap_plan(struct collect *w, struct strbuf *out, struct fail *e)
{
	struct plan *p;

	if (!w->lab->cluster.recipe)
		return 1;
	return plan_bootstrap(w->lab, w->c->lib, &p, e) < 0 ? -1 : print_plan(p, out);
}

/* Adds a document as JSON; NULL is a failure. */
static int print_json(json_t *doc, struct strbuf *out)
{
	char *text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;

	json_decref(doc);
	if (!text)
		return -1;
	strbuf_printf(out, "%s\n", text);
	free(text);
	return 0;
}

static int versions(struct collect *w, struct strbuf *out, struct fail *e)
{
	json_t *doc = json_pack("{s:i, s:s, s:s}", "v", 1, "labctl", LABCTL_VERSION, "data", library_dir(w->c->lib));
	auto_(strbuf_clear) struct strbuf system = { 0 };
	char libvirt[32], hypervisor[32];
	struct utsname kernel;
	struct fail why = { 0 };
	struct virt *v;

	(void)e;
	if (uname(&kernel) == 0)
		json_object_set_new(doc, "kernel", json_sprintf("%s %s %s", kernel.release, kernel.version, kernel.machine));
	if (file_read("/etc/os-release", 1 << 16, &system, &why) == 0)
		json_object_set_new(doc, "host", json_string(system.text));
	if (runtime_virt(w->rt, &v, &why) == 0 && virt_version(v, libvirt, &why) == 0 && virt_hypervisor_version(v, hypervisor, &why) == 0) {
		json_object_set_new(doc, "libvirt", json_string(libvirt));
		json_object_set_new(doc, "hypervisor", json_string(hypervisor));
	} else {
		json_object_set_new(doc, "libvirt", json_string(why.text));
	}
	return print_json(doc, out);
}

static int config_json(struct collect *w, struct strbuf *out, struct fail *e)
{
	return print_json(config_document(w->c, e), out);
}

static int doctor_json(struct collect *w, struct strbuf *out, struct fail *e)
{
	(void)e;
	return print_json(doctor_document(w->c), out);
}

static int hosts_json(struct collect *w, struct strbuf *out, struct fail *e)
{
	(void)e;
	return w->lab->host_count ? print_json(hosts_document(w->c, w->lab), out) : 1;
}

static int audit_json(struct collect *w, struct strbuf *out, struct fail *e)
{
	return print_json(audit_document(w->lab, runtime_paths(w->rt), 0, w->c->arena, e), out);
}

static int status_json(struct collect *w, struct strbuf *out, struct fail *e)
{
	return print_json(status_document(w->c, w->lab, w->rt, e), out);
}

static const struct part {
	const char *name;
	int (*make)(struct collect *w, struct strbuf *out, struct fail *e);
} parts[] = {
	{ "lab.yaml", lab_of_record },
	{ "lab-file.yaml", lab_of_user },
	{ "journal.jsonl", journal },
	{ "journal.jsonl.old", journal_before },
	{ "warnings.txt", warnings },
	{ "record.txt", record },
	{ "plans/create.txt", create_plan },
	{ "plans/bootstrap.txt", bootstrap_plan },
	{ "versions.json", versions },
	{ "config.json", config_json },
	{ "doctor.json", doctor_json },
	{ "hosts.json", hosts_json },
	{ "audit.json", audit_json },
	{ "status.json", status_json },
};

static void add_parts(struct collect *w)
{
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };
		struct fail e = { 0 };
		int r = parts[i].make(w, &text, &e);

		if (r == 0)
			collect_add(w, parts[i].name, &text);
		else if (r < 0)
			collect_miss(w, parts[i].name, &e);
	}
}

/* Every file that labctl writes, with placeholders for secrets. */
static void add_rendered(struct collect *w)
{
	struct rendered *files;
	struct fail e = { 0 };
	unsigned count;

	if (plan_render(w->lab, w->c->lib, w->c->arena, &files, &count, &e) < 0) {
		collect_miss(w, "rendered", &e);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };

		strbuf_str(&text, files[i].text);
		collect_add(w, arena_printf(w->c->arena, "rendered/%s", files[i].path + (*files[i].path == '/')), &text);
	}
}

struct place { struct collect *w; const char *dir; };

static void add_object(void *ctx, const char *name, const char *state, const char *xml)
{
	const struct place *at = ctx;
	struct collect *w = at->w;
	auto_(strbuf_clear) struct strbuf text = { 0 };

	strbuf_printf(&text, "<!-- %s -->\n%s", state, xml);
	collect_add(w, arena_printf(w->c->arena, "%s/%s.xml", at->dir, name), &text);
}

static void add_libvirt(struct collect *w)
{
	struct place at = { w, "libvirt" };
	struct fail e = { 0 };
	struct virt *v;

	if (runtime_virt(w->rt, &v, &e) < 0 || virt_describe(v, w->lab->uuid, add_object, &at, &e) < 0)
		collect_miss(w, at.dir, &e);
	for (unsigned h = 1; h < w->lab->host_count; h++) {
		e = (struct fail){ 0 };
		at.dir = arena_printf(w->c->arena, "libvirt/%s", w->lab->hosts[h].name);
		if (host_is_used(w->lab, h) && hosts_describe(runtime_hosts(w->rt), h, add_object, &at, &e) < 0)
			collect_miss(w, at.dir, &e);
	}
}

static void add_readme(struct collect *w, const char *made)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	strbuf_printf(&text, "labctl %s, lab '%s' (%s, %u node%s, %s), collected %s.\n\n", LABCTL_VERSION, w->lab->name,
		      w->lab->cluster.recipe ? w->lab->cluster.recipe->kind : "no cluster", w->lab->node_count,
		      plural(w->lab->node_count), hypervisor_names[w->lab->hypervisor], made);
	strbuf_str(&text, "Passwords and private keys are not in here, or overwritten with *. What users wrote into their databases or logs may be:\n"
			  "look before you publish it.\n\n"
			  "lab.yaml        the lab as labctl recorded it; lab-file.yaml: as the user wrote it\n"
			  "audit.json      past commands; journal.jsonl: with every step\n"
			  "status.json doctor.json config.json versions.json\n"
			  "plans/ rendered/  what create and bootstrap would do now, and every file and script of theirs\n"
			  "libvirt/        domains and networks as libvirt has them now; of other hosts of the lab: libvirt/HOST/, and hosts.json as of host check\n"
			  "nodes/NODE/     system.txt; logs.txt: TIME, SOURCE, line; console.log; settings-ROLE.tsv: in force in the database\n");
	if (w->missing.len)
		strbuf_printf(&text, "\nMissing:\n%s", w->missing.text);
	collect_add(w, "README", &text);
}

struct collect_words { const char *since; };

static int fill(struct collect *w, const char *made, struct fail *e)
{
	add_parts(w);
	add_rendered(w);
	add_libvirt(w);
	collect_nodes(w);
	add_readme(w, made);
	if (w->c->cancel && atomic_load(w->c->cancel))
		return fail(e, FAIL_CANCELED, "canceled, no archive was written");
	if (w->broken) {
		*e = w->why;
		return -1;
	}
	return pack_finish(w->pack, e);
}

static int report(struct collect *w, const char *path, struct fail *e)
{
	struct stat st = { 0 };
	json_t *doc;
	int r;

	stat(path, &st);
	if (!w->c->json) {
		printf("%s: %u files, %.1f MiB, without passwords and keys\n", path, w->files, (double)st.st_size / (1 << 20));
		return 0;
	}
	doc = json_pack("{s:i, s:s, s:s, s:i, s:I, s:s}", "v", 1, "lab", w->lab->name, "archive", path, "files", (int)w->files, "bytes",
			(json_int_t)st.st_size, "missing", strbuf_text(&w->missing));
	r = report_json(doc, e);
	json_decref(doc);
	return r;
}

static int collect(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(pack_free) struct pack *pack = NULL;
	const struct collect_words *said = c->options;
	struct collect w = { .c = c, .lock = PTHREAD_MUTEX_INITIALIZER };
	time_t now = (time_t)(clock_wall_ms() / 1000);
	char when[32], made[40];
	const char *path;
	struct tm tm;
	int r;

	if (said->since && when_parse("--since", said->since, now, &w.since_s, e) < 0)
		return -1;
	if (load_existing(c, &lab, e) < 0 || load_runtime(c, lab, &rt, e) < 0)
		return -1;
	strftime(when, sizeof when, "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	strftime(made, sizeof made, "%Y-%m-%d %H:%M:%S %z", &tm);
	w.top = arena_printf(c->arena, "labctl-%s-%s", lab->name, when);
	path = c->arg_count ? c->args[0] : arena_printf(c->arena, "%s%s", w.top, pack_suffixes[0]);
	if (pack_new(path, &pack, e) < 0)
		return e->code == FAIL_USAGE ? fail_next(e, "labctl -l %s collect %s%s", lab->name, w.top, pack_suffixes[0]) : -1;
	/* without them nothing can be redacted: rather no archive */
	if (secrets_read_all(runtime_secrets(rt), e) < 0)
		return -1;
	w.pack = pack;
	w.lab = lab;
	w.rt = rt;
	r = fill(&w, made, e) < 0 ? -1 : report(&w, path, e);
	strbuf_clear(&w.missing);
	return r;
}

static const struct option_row options[] = {
	{ "since", .arg = "TIME", .at = offsetof(struct collect_words, since),
	  .text = "only log lines since then: 10m, 2h, 3d; 14:30; 2026-11-29 14:30" },
	{ 0 },
};

const struct command cmd_collect = {
	.name = "collect", .run = collect, .args = { { "FILE", .optional = true, .complete = complete_files } },
	.options = options, .options_size = sizeof(struct collect_words),
	.summary = "write everything that a bug report needs to an archive, without secrets",
	.help =
	"FILE ends in .tar.zst, .tar.gz or .tar.xz and must not exist; without it labctl names the archive. It contains the lab file and "
	"the record, the journal, plans and rendered files, versions, doctor, status, the XML of libvirt, and from each node its "
	"logs (the last 8 MiB), a description of its system and the database's settings in force.\n\n"
	"Known passwords and private keys are overwritten wherever they are, as are credentials in URLs and passwords in SQL. "
	"Names and data of yours may be in the logs: look before you publish it. What is missing, such as a node that does not answer, "
	"is named; the rest is there.\n\n"
	"  labctl collect\n"
	"  labctl collect --since 2h report.tar.gz",
};
