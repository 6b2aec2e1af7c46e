/* SPDX-License-Identifier: PostgreSQL */
/*
 * Every file that labctl would write, for reading: the host's, each node's, and a manifest.
 * Paths on the host are those of the default state directory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "defaults.h"
#include "digest.h"
#include "exports.h"
#include "inventory.h"
#include "plan.h"
#include "plan_build.h"
#include "recipe.h"
#include "script.h"
#include "seed.h"
#include "xml.h"

#define STATE DEFAULT_STATE_DIR
#define IMAGES DEFAULT_CACHE_DIR "/images"

struct render {
	const struct lab *lab;
	const struct library *lib;
	struct arena *a;
	struct item { struct rendered file; const char *source; } *items;
	unsigned count;
	struct fail *e;
};

/* Placeholders become readable: "<secret:postgres>". */
static const char *readable(struct render *r, const char *text)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	const char *mark, *end;

	if (!strstr(text, PLACEHOLDER_MARK))
		return arena_strdup(r->a, text); /* the plan is freed before the caller reads this */
	while ((mark = strstr(text, PLACEHOLDER_MARK)) && (end = strstr(mark, PLACEHOLDER_END))) {
		strbuf_add(&out, text, (size_t)(mark - text));
		strbuf_printf(&out, "<%.*s>", (int)(end - mark - 1), mark + 1);
		text = end + strlen(PLACEHOLDER_END);
	}
	strbuf_str(&out, text);
	return arena_strdup(r->a, strbuf_text(&out));
}

/* A later file replaces an earlier one of the same path, as on the node. @first: index of the node's first file. */
static void add_from(struct render *r, unsigned first, const char *path, const char *text, unsigned mode,
		     const char *source)
{
	struct item item = { { path, readable(r, text), mode }, arena_strdup(r->a, source) };

	for (unsigned i = first; i < r->count; i++) {
		if (!strcmp(r->items[i].file.path, path)) {
			r->items[i] = item;
			return;
		}
	}
	*arena_push(r->a, r->items, r->count) = item;
}

static void add(struct render *r, const char *path, const char *text, unsigned mode, const char *source)
{
	add_from(r, r->count, path, text, mode, source);
}

/* --- the host --- */

static struct node_paths node_paths(struct render *r, const struct node *n)
{
	const char *dir = arena_printf(r->a, STATE "/labs/%s/nodes/%s", r->lab->name, n->name);

	return (struct node_paths){
		.disk = arena_printf(r->a, "%s/disk.qcow2", dir), .seed = arena_printf(r->a, "%s/seed.%s", dir, lab_uses_cloud_init(r->lab) ? "iso" : "img"),
		.root = arena_printf(r->a, "%s/root", dir),       .console = arena_printf(r->a, "%s/console.log", dir),
		.kernel = arena_printf(r->a, "%s/vmlinuz", dir),  .initrd = arena_printf(r->a, "%s/initrd.img", dir),
		.base = arena_printf(r->a, IMAGES "/%s/disk.qcow2", r->lab->image),
	};
}

/* The directory of what a host gets: "host", of another one of several "host-NAME". */
static const char *host_dir(struct render *r, unsigned host)
{
	return host ? arena_printf(r->a, "host-%s", r->lab->hosts[host].name) : "host";
}

static int add_xml(struct render *r)
{
	enum hypervisor h = r->lab->hypervisor == HYPERVISOR_AUTO ? HYPERVISOR_QEMU : r->lab->hypervisor;
	const char *source = arena_printf(r->a, "domains/%s.xml", hypervisor_names[h]), *xml;

	for (unsigned i = 0; i < lab_hosts(r->lab); i++) {
		if (!host_is_used(r->lab, i))
			continue;
		if (xml_network(r->lab, i, r->lib, r->a, &xml, r->e) < 0)
			return -1;
		add(r, arena_printf(r->a, "%s/network.xml", host_dir(r, i)), xml, 0644, "domains/network.xml");
	}
	for (unsigned i = 0; i < r->lab->node_count; i++) {
		const struct node *n = &r->lab->nodes[i];
		struct node_paths paths = node_paths(r, n);

		if (xml_domain(r->lab, n, &paths, r->lib, r->a, &xml, r->e) < 0)
			return -1;
		add(r, arena_printf(r->a, "%s/%s.xml", host_dir(r, n->host), n->name), xml, 0644, source);
	}
	return 0;
}

struct export_names { struct render *r; unsigned host; const struct node *node; char number[16]; };

static const char *export_value(void *ctx, const char *name)
{
	struct export_names *x = ctx;
	const char *options = x->r->lab->data.options;
	char address[16];
	struct scope s;

	if (!strcmp(name, "recovery_dir"))
		return arena_printf(x->r->a, STATE "/labs/%s/recovery", x->r->lab->name);
	ip_format(host_address(x->r->lab, x->host), address);
	if (!strcmp(name, "gateway"))
		return arena_strdup(x->r->a, address);
	if (!strcmp(name, "io_flusher")) /* depends on the server's version, unknown here */
		return "";
	if (!strcmp(name, "access"))
		return exports_have_option(options, "rw") ? "RW" : "RO";
	if (!strcmp(name, "squash"))
		return exports_have_option(options, "all_squash") ? "All_Squash" :
		       exports_have_option(options, "no_root_squash") ? "No_Root_Squash" : "Root_Squash";
	if (x->node && (!strcmp(name, "path") || !strcmp(name, "pseudo")))
		return x->node->export_dir;
	if (x->node && !strcmp(name, "export_id")) {
		snprintf(x->number, sizeof x->number, "%u", x->node->index);
		return x->number;
	}
	scope_init(&s, x->r->lab, x->node, -1, x->r->a);
	return arena_strdup(x->r->a, scope_value(&s, name));
}

static int add_ganesha(struct render *r, unsigned host)
{
	static const char conf[] = "domains/ganesha.conf", export[] = "domains/ganesha-export.conf";
	const char *conf_text = library_text(r->lib, conf), *export_text = library_text(r->lib, export);
	struct export_names x = { .r = r, .host = host };
	const struct template_scope names = { .value = export_value, .ctx = &x };
	auto_(strbuf_clear) struct strbuf out = { 0 };

	if (!conf_text || !export_text)
		return 0;
	if (template_expand(conf, conf_text, QUOTE_RAW, &names, &out, r->e) < 0)
		return -1;
	for (unsigned i = 0; i < r->lab->node_count; i++) {
		x.node = &r->lab->nodes[i];
		if (x.node->host != host)
			continue;
		strbuf_char(&out, '\n');
		if (template_expand(export, export_text, QUOTE_RAW, &names, &out, r->e) < 0)
			return -1;
	}
	add(r, arena_printf(r->a, "%s/ganesha.conf", host_dir(r, host)), strbuf_text(&out), 0644, conf);
	return 0;
}

/* Which server is used depends on the host: both are shown, unless the lab file names one. */
static int add_exports(struct render *r, unsigned host)
{
	const struct lab *lab = r->lab;
	auto_(strbuf_clear) struct strbuf out = { 0 };
	const char **paths = NULL;
	size_t count = 0;
	char subnet[16];

	if (lab_transport(lab) != TRANSPORT_NFS || !host_is_used(lab, host))
		return 0;
	if (lab->data.server != NFS_GANESHA) {
		ip_format(lab->net.subnet, subnet);
		for (unsigned i = 0; i < lab->node_count; i++)
			if (lab->nodes[i].host == host)
				*arena_push(r->a, paths, count) = lab->nodes[i].export_dir;
		*arena_push(r->a, paths, count) = NULL;
		exports_print(lab->name, arena_printf(r->a, "%s/%u", subnet, lab->net.prefix_len), lab->data.options, paths, &out);
		add(r, arena_printf(r->a, "%s/exports", host_dir(r, host)), strbuf_text(&out), 0644, "data");
	}
	return lab->data.server == NFS_KERNEL ? 0 : add_ganesha(r, host);
}

static int add_host(struct render *r)
{
	const struct recipe *recipe = r->lab->cluster.recipe;
	auto_(strbuf_clear) struct strbuf lab = { 0 };
	const char *build = lab_builds(r->lab) ? library_text(r->lib, recipe->build) : NULL;

	lab_print(r->lab, &lab);
	add(r, "host/lab.yaml", strbuf_text(&lab), 0600, r->lab->file ? r->lab->file : "command line");
	if (add_xml(r) < 0)
		return -1;
	for (unsigned i = 0; i < lab_hosts(r->lab); i++)
		if (add_exports(r, i) < 0)
			return -1;
	if (build)
		add(r, "host/build.sh", build, 0755, recipe->build);
	return 0;
}

/* --- the nodes --- */

static unsigned mode_of(const char *mode)
{
	return (unsigned)strtoul(mode, NULL, 8);
}

static void add_files(struct render *r, unsigned first, const struct node *n, const struct payload_file *files,
		      unsigned count, const char *source)
{
	for (unsigned i = 0; i < count; i++)
		add_from(r, first, arena_printf(r->a, "nodes/%s/files%s", n->name, files[i].path), files[i].text,
			 mode_of(files[i].mode), source);
}

static void add_seed(struct render *r, unsigned first, const struct node *n)
{
	struct seed_keys keys = { .host_private = arena_printf(r->a, "<host key of %s>", n->name),
				  .host_public = arena_printf(r->a, "<public host key of %s>", n->name),
				  .authorized = "<public key of the lab>" };
	unsigned count;
	const struct payload_file *files = seed_files(r->lab, n, &keys, r->a, &count);

	add_files(r, first, n, files, count, "seed");
}

static void add_payload(struct render *r, unsigned first, const struct step *s, const struct payload *p, unsigned number)
{
	size_t rule_len = strcspn(s->id, "/");

	add_files(r, first, s->node, p->files, p->file_count, p->source);
	if (p->script && number == 0)
		add(r, arena_printf(r->a, "nodes/%s/script.sh", s->node->name), p->script, 0700, p->source);
	else if (p->script)
		add(r, arena_printf(r->a, "nodes/%s/scripts/%02u-%.*s.sh", s->node->name, number, (int)rule_len, s->id),
		    p->script, 0700, p->source);
	if (p->sql)
		add(r, arena_printf(r->a, "nodes/%s/sql/%02u-%.*s.sql", s->node->name, number, (int)rule_len, s->id), p->sql,
		    0600, p->source);
}

/* Adds the steps of @n in the order of the plan, numbered from 1; the tuning is number 0. */
static int add_node(struct render *r, const struct plan *p, struct scope_cache *cache, const struct node *n)
{
	const struct step tune = { .id = "tune", .verb = VERB_NODE_SCRIPT, .node = n };
	auto_(arena_free) struct arena *scratch = arena_new();
	unsigned first = r->count, number = 0;
	const struct payload *payload;

	add_seed(r, first, n);
	if (plan_payload(r->lab, r->lib, &tune, NULL, scratch, &payload, r->e) < 0)
		return -1;
	add_payload(r, first, &tune, payload, 0);
	for (unsigned i = 0; p && i < p->step_count; i++) {
		const struct step *s = &p->steps[i];

		if (s->node != n || (s->verb != VERB_NODE_SCRIPT && s->verb != VERB_NODE_SQL) || !s->rule)
			continue;
		if (plan_payload(r->lab, r->lib, s, cache, scratch, &payload, r->e) < 0)
			return -1;
		add_payload(r, first, s, payload, ++number);
	}
	return 0;
}

/* --- the inventory --- */

static void add_inventory(struct render *r)
{
	const char *lab = arena_printf(r->a, STATE "/labs/%s", r->lab->name);
	const struct inventory_where where = { .dir = arena_printf(r->a, "%s/" INVENTORY_DIR, lab),
					       .key = arena_printf(r->a, "%s/id_ed25519", lab),
					       .known_hosts = arena_printf(r->a, "%s/known_hosts", lab) };
	struct inventory inv;

	inventory_make(r->lab, &where, r->a, &inv);
	for (const struct inventory_format *f = inventory_formats; f->name; f++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };

		f->print(&inv, &text);
		add(r, arena_printf(r->a, "host/" INVENTORY_DIR "/%s", f->file), strbuf_text(&text), f->mode, "labctl");
	}
}

/* --- the manifest --- */

static void add_manifest(struct render *r)
{
	json_t *files = json_array(), *doc;
	char digest[DIGEST_HEX], mode[8];
	char *text;

	for (unsigned i = 0; i < r->count; i++) {
		const struct rendered *f = &r->items[i].file;

		digest_text(f->text, strlen(f->text), digest);
		snprintf(mode, sizeof mode, "%04o", f->mode & 07777);
		json_array_append_new(files, json_pack("{s:s, s:s, s:s, s:s}", "path", f->path, "sha256", digest, "mode",
						       mode, "source", r->items[i].source));
	}
	doc = json_pack("{s:i, s:s, s:o}", "v", 1, "lab", r->lab->name, "files", files);
	text = json_dumps(doc, JSON_INDENT(1));
	json_decref(doc);
	if (!text)
		abort();
	add(r, "manifest.json", arena_printf(r->a, "%s\n", text), 0644, "labctl");
	free(text);
}

int plan_render(const struct lab *lab, const struct library *lib, struct arena *a, struct rendered **ret_files,
		unsigned *ret_count, struct fail *e)
{
	struct render r = { .lab = lab, .lib = lib, .a = a, .e = e };
	auto_(arena_free) struct arena *scratch = arena_new();
	struct scope_cache cache = { .arena = scratch };
	auto_(plan_free) struct plan *p = NULL;
	struct rendered *files;

	if (lab->cluster.recipe && plan_bootstrap(lab, lib, &p, e) < 0)
		return -1;
	if (add_host(&r) < 0)
		return -1;
	add_inventory(&r);
	for (unsigned i = 0; i < lab->node_count; i++)
		if (add_node(&r, p, &cache, &lab->nodes[i]) < 0)
			return -1;
	add_manifest(&r);
	files = arena_alloc(a, r.count * sizeof *files);
	for (unsigned i = 0; i < r.count; i++)
		files[i] = r.items[i].file;
	*ret_files = files;
	*ret_count = r.count;
	return 0;
}
