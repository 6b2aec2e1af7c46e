/* SPDX-License-Identifier: PostgreSQL */
/* config: the defaults in force for new labs, and where each comes from. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "config.h"
#include "documents.h"

/* Where the value of @key comes from; the precedence is that of labctl-config(5). */
static const char *origin(struct cli *c, const struct lab *lab, const struct config_value *v)
{
	bool of_lab = strcmp(v->key, "mirror") != 0;
	int line = of_lab ? lab_line(lab, v->key) : 0;

	if (!strcmp(v->key, "hypervisor") && c->hypervisor.what)
		return c->hypervisor.what;
	if (!of_lab && c->mirror_said)
		return "LABCTL_MIRROR";
	if (line)
		return arena_printf(c->arena, "%s:%d", lab_file(c), line);
	return v->file ? arena_printf(c->arena, "%s:%d", v->file, v->line) : "built-in";
}

static json_t *row_of(struct cli *c, const struct config *config, unsigned i, const struct lab *lab)
{
	const struct config_value *v = &config->values[i];
	auto_(strbuf_clear) struct strbuf value = { 0 };
	bool found = config_text(config, i, lab, &value);

	if (!strcmp(v->key, "mirror")) {
		found = getenv("LABCTL_MIRROR") != NULL; /* config_load() has put the configured one there */
		strbuf_truncate(&value, 0);
		strbuf_str(&value, found ? getenv("LABCTL_MIRROR") : "");
	}
	return json_pack("{s:s, s:s?, s:s}", "key", v->key, "value", found ? strbuf_text(&value) : NULL, "from", origin(c, lab, v));
}

static json_t *files_of(struct cli *c)
{
	struct config_path paths[CONFIG_FILES];
	json_t *files = json_array();
	struct stat st;

	config_paths(c, paths);
	for (unsigned i = 0; i < CONFIG_FILES; i++)
		if (paths[i].path)
			json_array_append_new(files, json_pack("{s:s, s:s, s:b}", "of", paths[i].what, "path", paths[i].path, "found",
							       stat(paths[i].path, &st) == 0));
	return files;
}

static void say_files(const json_t *files)
{
	json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
		report_say("%s configuration: %s%s\n", json_string_value(json_object_get(file, "of")),
			   json_string_value(json_object_get(file, "path")),
			   json_is_true(json_object_get(file, "found")) ? "" : " (does not exist)");
}

json_t *config_document(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct config *config;
	json_t *rows;

	if (config_load(c, &config, e) < 0 || load_described(c, NULL, &lab, e) < 0)
		return NULL;
	rows = json_array();
	for (unsigned i = 0; i < config->count; i++)
		json_array_append_new(rows, row_of(c, config, i, lab));
	return json_pack("{s:i, s:o, s:o}", "v", 1, "files", files_of(c), "values", rows);
}

static int config(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "key", "KEY", false }, { "value", "VALUE", false }, { "from", "FROM", false } };
	json_t *doc = config_document(c, e);
	int r;

	if (!doc)
		return -1;
	r = c->json ? report_json(doc, e) : report_table(json_object_get(doc, "values"), columns, ARRAY_COUNT(columns), e);
	if (r == 0 && !c->json)
		say_files(json_object_get(doc, "files"));
	json_decref(doc);
	return r;
}

const struct command cmd_config = {
	.name = "config", .run = config, .without = NO_LAB | NO_LIBVIRT,
	.summary = "show the defaults of new labs, and where each comes from",
	.help =
	"In this order: an option, an environment variable, the lab file, the user's configuration "
	"(~/.config/labctl/config.yaml), the system's (/etc/labctl/config.yaml), a built-in value. labctl-config(5) describes the "
	"files. An existing lab keeps its values when the configuration changes.",
};
