/* SPDX-License-Identifier: PostgreSQL */
/* inventory, env: what other programs need to know about a lab, generated from its record. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "complete.h"
#include "inventory.h"
#include "quote.h"
#include "recipe.h"
#include "suggest.h"

static int open_inventory(struct cli *c, struct lab **ret_lab, struct inventory *ret, struct fail *e)
{
	struct inventory_where *where = arena_new_of(c->arena, struct inventory_where);
	auto_(lab_free) struct lab *lab = NULL;
	struct paths paths;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	if (!lab->net.subnet) {
		fail(e, FAIL_NOT_FOUND, "the nodes of lab '%s' have no addresses: the lab is not created yet", lab->name);
		return fail_next(e, "labctl -l %s create", lab->name);
	}
	load_paths(c, lab->name, &paths);
	*where = (struct inventory_where){ .dir = arena_printf(c->arena, "%s/" INVENTORY_DIR, paths.lab), .key = paths.key,
					   .known_hosts = paths.known_hosts };
	inventory_make(lab, where, c->arena, ret);
	*ret_lab = steal(lab);
	return 0;
}

static const struct inventory_format *find_format(const char *name, struct fail *e)
{
	const char *known[16];
	size_t count = 0;

	for (const struct inventory_format *f = inventory_formats; f->name; f++) {
		if (!strcmp(f->name, name))
			return f;
		known[count++] = f->name;
	}
	known[count] = NULL;
	suggest_fail(e, "--format: unknown format", name, known);
	return NULL;
}

static int list_formats(const struct inventory *inv, struct fail *e)
{
	static const struct column columns[] = { { "format", "FORMAT", false }, { "file", "FILE", false },
						 { "title", "WHAT", false } };
	json_t *rows = json_array();
	int r;

	for (const struct inventory_format *f = inventory_formats; f->name; f++)
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "format", f->name, "file",
						      inventory_path(inv, f->name), "title", f->title));
	r = report_table(rows, columns, ARRAY_COUNT(columns), e);
	json_decref(rows);
	return r;
}

/* With --json, a format other than JSON becomes one string in a document. */
static int print_format(struct cli *c, const struct inventory *inv, const struct inventory_format *f, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, resolved = { 0 };
	auto_(runtime_close) struct runtime *rt = NULL;
	json_t *doc;
	int r = 0;

	f->print(inv, &text);
	if (load_runtime(c, inv->lab, &rt, e) < 0 || runtime_resolve(rt, strbuf_text(&text), &resolved, e) < 0)
		return -1;
	if (c->json && strcmp(f->name, "json") != 0) {
		doc = json_pack("{s:i, s:s, s:s, s:s, s:s}", "v", 1, "lab", inv->lab->name, "format", f->name, "file",
				inventory_path(inv, f->name), "text", strbuf_text(&resolved));
		r = report_json(doc, e);
		json_decref(doc);
	} else {
		fputs(strbuf_text(&resolved), stdout);
	}
	explicit_bzero(resolved.text, resolved.len);
	return r;
}

struct inventory_words { const char *format; };

static int print_inventory(struct cli *c, struct fail *e)
{
	const struct inventory_words *said = c->options;
	const char *name = said->format ? said->format : c->json ? "json" : NULL;
	const struct inventory_format *f = name ? find_format(name, e) : NULL;
	auto_(lab_free) struct lab *lab = NULL;
	struct inventory inv;

	if ((name && !f) || open_inventory(c, &lab, &inv, e) < 0)
		return -1;
	return f ? print_format(c, &inv, f, e) : list_formats(&inv, e);
}

static const struct option_row options[] = {
	{ "format", .arg = "FORMAT", .complete = complete_formats, .at = offsetof(struct inventory_words, format),
	  .text = "one of pg_service, pgpass, jdbc, ansible, ssh_config, hosts or json" },
	{ 0 },
};

const struct command cmd_inventory = {
	.name = "inventory", .run = print_inventory, .options = options, .options_size = sizeof(struct inventory_words),
	.summary = "print the lab for psql, JDBC, Ansible, ssh, jq",
	.help =
	"Prints one format; without --format, lists the formats and their files. create and bootstrap write the files "
	"to labs/LAB/inventory in the state directory; destroy removes them. pgpass and jdbc contain "
	"passwords, on standard output too.\n\n"
	"  pg_service  services of libpq, for PGSERVICEFILE: LAB is the default entry point,\n"
	"              LAB-NODE a node (in the role that psql NODE takes), LAB-NODE-ROLE each\n"
	"              role of a node that answers SQL in several, and LAB-ROLE the first node\n"
	"              with a role: lab-pgpool\n"
	"  pgpass      passwords of libpq, for PGPASSFILE\n"
	"  jdbc        URL, user and password of each service, as Java properties\n"
	"  ansible     an inventory with a group per role\n"
	"  ssh_config  hosts NODE and LAB-NODE, for ssh -F or an Include\n"
	"  hosts       lines for /etc/hosts\n"
	"  json        everything except the passwords\n\n"
	"  labctl inventory --format hosts >>/etc/hosts\n"
	"  labctl inventory --format json | jq '.endpoints[]'",
};

/* @value NULL = unset, so that no value of another lab remains. */
static void add_variable(struct strbuf *lines, json_t *values, const char *name, const char *value)
{
	json_object_set_new(values, name, value ? json_string(value) : json_null());
	strbuf_printf(lines, "%s %s", value ? "export" : "unset", name);
	if (value) {
		strbuf_char(lines, '=');
		quote_add(lines, QUOTE_SH, value);
	}
	strbuf_char(lines, '\n');
}

/* Prints the variables for a shell. Passwords are only in the password file. */
static int print_env(struct cli *c, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf lines = { 0 };
	auto_(lab_free) struct lab *lab = NULL;
	const struct recipe *recipe;
	const struct endpoint *ep;
	struct inventory inv;
	json_t *values, *doc;
	int r = 0;

	if (open_inventory(c, &lab, &inv, e) < 0)
		return -1;
	ep = inv.usual;
	recipe = lab->cluster.recipe;
	values = json_object();
	add_variable(&lines, values, "LABCTL_LAB", lab->name);
	add_variable(&lines, values, "PGSERVICEFILE", ep ? inventory_path(&inv, "pg_service") : NULL);
	add_variable(&lines, values, "PGPASSFILE", ep ? inventory_path(&inv, "pgpass") : NULL);
	/* Unset these, since they override others: PGSERVICE a PGDATABASE, the other two PGHOST and the password file. */
	add_variable(&lines, values, "PGSERVICE", NULL);
	add_variable(&lines, values, "PGHOSTADDR", NULL);
	add_variable(&lines, values, "PGPASSWORD", NULL);
	add_variable(&lines, values, "PGHOST", ep ? ep->node->ip_text : NULL);
	add_variable(&lines, values, "PGPORT", ep ? ep->port : NULL);
	add_variable(&lines, values, "PGUSER", ep ? recipe->superuser : NULL);
	add_variable(&lines, values, "PGDATABASE", ep ? recipe->database : NULL);
	doc = json_pack("{s:i, s:s, s:o}", "v", 1, "lab", lab->name, "env", values);
	if (c->json)
		r = report_json(doc, e);
	else
		fputs(strbuf_text(&lines), stdout);
	json_decref(doc);
	return r;
}

const struct command cmd_env = {
	.name = "env", .run = print_env,
	.summary = "print the environment variables for working with a lab",
	.help =
	"Prints export lines for eval: LABCTL_LAB, the lab's name, and the variables with which psql and other libpq programs "
	"reach the default entry point: PGSERVICEFILE, PGPASSFILE, PGHOST, PGPORT, PGUSER and PGDATABASE; these "
	"are unset if the lab has no database. No password is printed: PGPASSFILE names the file that has it. "
	"PGSERVICE, PGHOSTADDR and PGPASSWORD, which would override the others, are unset.\n\n"
	"  eval \"$(labctl env)\" && psql\n"
	"  eval \"$(labctl env)\" && psql service=lab-node2",
};
