/* SPDX-License-Identifier: PostgreSQL */
/*
 * Names of databases: asks the lab's usual server, with the lab's password file, for at most half a second. It does not
 * use struct runtime, which would ask libvirt about a silent node and make a missing secret.
 */
#include <stdlib.h>

#include "clock.h"
#include "complete.h"
#include "completion.h"
#include "inventory.h"
#include "recipe.h"
#include "sql.h"
#include "state.h"

#define ASK_MS 500

static const struct node *usual_node(const struct lab *lab, int role)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (node_has_role(&lab->nodes[i], role))
			return &lab->nodes[i];
	return NULL;
}

static void add_database(void *ctx, int columns, const char *const *names, const char *const *values)
{
	(void)names;
	if (columns > 0 && values[0])
		complete_add(ctx, values[0], NULL);
}

void complete_databases(struct completion *to)
{
	const struct lab *lab = complete_lab(to);
	const struct recipe *recipe = lab ? lab->cluster.recipe : NULL;
	int role = recipe ? lab_role(lab, recipe->psql_role) : -1;
	const struct node *n = role >= 0 ? usual_node(lab, role) : NULL;
	auto_(sql_close) struct sql *sql = NULL;
	struct fail ignored = { 0 };
	struct paths paths;

	if (!n || !n->ip)
		return;
	load_paths(to->c, lab->name, &paths);
	unsetenv("PGPASSWORD");
	setenv("PGPASSFILE", arena_printf(to->c->arena, "%s/" INVENTORY_DIR "/pgpass", paths.lab), 1);
	if (sql_open(&(struct sql_target){ .node = n->name, .ip = n->ip_text, .port = lab->cluster.places[role].port,
					   .user = recipe->superuser, .database = recipe->database },
		     false, clock_after_ms(ASK_MS), &sql, &ignored) < 0)
		return;
	sql_rows(sql, "select datname from pg_catalog.pg_database where not datistemplate order by 1", NULL,
		 clock_after_ms(ASK_MS), add_database, to, &ignored);
}
