/* SPDX-License-Identifier: PostgreSQL */
/* The package's own script is src/package/postrm. */
#include "purge.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "defaults.h"
#include "file.h"
#include "quote.h"
#include "sandbox.h"

static void add(json_t *rows, const char *what, const char *where, const char *remedy)
{
	json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "what", what, "where", where, "remedy", remedy));
}

static const char *quoted(struct cli *c, const char *path)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	quote_add(&text, QUOTE_SH, path);
	return arena_strdup(c->arena, strbuf_text(&text));
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Labs, also damaged ones, and the data that `destroy --keep-data` kept: each has a directory. */
static int add_labs(struct cli *c, json_t *rows, const char *state_dir, struct fail *e)
{
	bool usual = !strcmp(state_dir, DEFAULT_STATE_DIR);
	const char *path = arena_printf(c->arena, "%s/labs", state_dir);
	struct dirent **entries;
	int count = scandir(path, &entries, visible, alphasort);

	if (count < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail_errno(e, FAIL_OTHER, "%s", path);
	for (int i = 0; i < count; i++) {
		const char *name = arena_strdup(c->arena, entries[i]->d_name), *lab = arena_printf(c->arena, "%s/%s", path, name);
		bool recorded = file_exists(arena_printf(c->arena, "%s/lab.yaml", lab));

		free(entries[i]);
		add(rows, recorded ? "lab" : "data of a lab", lab,
		    !recorded ? arena_printf(c->arena, "rm -r %s", quoted(c, lab)) :
		    usual ? arena_printf(c->arena, "labctl -l %s destroy", name) :
			    arena_printf(c->arena, "LABCTL_STATE=%s labctl -l %s destroy", quoted(c, state_dir), name));
	}
	free(entries);
	return 0;
}

static int add_all_labs(struct cli *c, json_t *rows, struct fail *e)
{
	const char *const *states = cache_states(c->cache_dir, false, c->arena);
	auto_(free) char *own = realpath(c->state_dir, NULL);

	if (add_labs(c, rows, c->state_dir, e) < 0)
		return -1;
	for (; *states; states++)
		if ((!own || strcmp(*states, own) != 0) && add_labs(c, rows, *states, e) < 0)
			return -1;
	return 0;
}

/* A purge removes the usual directories, unless there are labs. */
static void add_dir(struct cli *c, json_t *rows, const char *what, const char *dir, const char *usual, bool labs)
{
	if (file_exists(dir) && (labs || strcmp(dir, usual) != 0))
		add(rows, what, dir,
		    strcmp(dir, usual) != 0 ? arena_printf(c->arena, "rm -r %s", quoted(c, dir)) :
					      "the purge, once there are no labs");
}

static int find_all(struct cli *c, json_t *rows, struct fail *e)
{
	const char *const *sandboxes = sandbox_list(false, c->arena);
	struct config_path files[CONFIG_FILES];
	bool labs;

	if (add_all_labs(c, rows, e) < 0)
		return -1;
	labs = json_array_size(rows) > 0;
	for (; *sandboxes; sandboxes++)
		add(rows, "sandbox", *sandboxes, arena_printf(c->arena, "tests/support/sandbox --keep %s down", *sandboxes));
	add_dir(c, rows, "records of labs", c->state_dir, DEFAULT_STATE_DIR, labs);
	add_dir(c, rows, "cache", c->cache_dir, DEFAULT_CACHE_DIR, labs);
	config_paths(c, files);
	for (unsigned i = 0; i < CONFIG_FILES; i++)
		if (files[i].path && file_exists(files[i].path))
			add(rows, arena_printf(c->arena, "%s configuration", files[i].what), files[i].path,
			    arena_printf(c->arena, "rm %s", quoted(c, files[i].path)));
	return 0;
}

int purge_report(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "what", "WHAT", false }, { "where", "WHERE", false },
						 { "remedy", "REMOVED BY", false } };
	json_t *rows = json_array(), *doc;
	int r = find_all(c, rows, e);

	if (r == 0 && c->json) {
		doc = json_pack("{s:i, s:O}", "v", 1, "left", rows);
		r = report_json(doc, e);
		json_decref(doc);
	} else if (r == 0 && json_array_size(rows) > 0) {
		printf("After a purge of labctl these stay:\n");
		r = report_table(rows, columns, ARRAY_COUNT(columns), e);
	} else if (r == 0) {
		printf("After a purge of labctl nothing of it stays.\n");
	}
	json_decref(rows);
	return r;
}
