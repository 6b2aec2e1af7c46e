/* SPDX-License-Identifier: PostgreSQL */
/* passwd: new passwords for a lab's database, everywhere. The record has them before any server does. */
#include <stdio.h>
#include <string.h>

#include "cmd_db.h"
#include "suggest.h"

static int check_name(struct db *d, struct fail *e)
{
	const struct cluster *c = &d->lab->cluster;
	const char *known[DB_USERS_MAX + 17];
	unsigned count = 0;

	for (const char *const *name = d->recipe->secrets; *name && count < 16; name++)
		known[count++] = *name;
	for (unsigned i = 0; i < c->user_count; i++)
		known[count++] = c->users[i].name;
	known[count] = NULL;
	for (unsigned i = 0; i < count && d->word; i++)
		if (!strcmp(known[i], d->word))
			return 0;
	return d->word ? suggest_fail(e, "unknown name of a password", d->word, known) : 0;
}

static int passwd(struct db *d, struct fail *e)
{
	struct db_request request = { .name = d->word };
	struct paths paths;

	if (check_name(d, e) < 0 || db_task(d, "passwd", &request, "", NULL, e) < 0)
		return -1;
	load_paths(d->c, d->lab->name, &paths);
	if (!d->c->json && !d->c->dry_run)
		report_say("the passwords are in %s/secrets and in `labctl -l %s inventory --format pgpass`\n", paths.lab, d->lab->name);
	return 0;
}

static int run(struct cli *c, struct fail *e)
{
	return db_run_locked(c, passwd, e);
}

const struct command cmd_passwd = {
	.name = "passwd", .run = run, .args = { { "NAME", .optional = true } },
	.summary = "make new passwords for the database and set them everywhere",
	.help =
	"NAME is a database user or one of the lab's own: postgres (the superuser), replication, pcp; without NAME all get new "
	"passwords. First every node must answer; then the passwords are recorded, and the servers, the nodes' and pgpool-II's "
	"files and the inventory get them. No command line and no log shows them. Sessions go on; what logs in during these "
	"seconds may be refused. If it was interrupted, run it again.\n\n"
	"  labctl passwd\n"
	"  labctl passwd replication",
};
