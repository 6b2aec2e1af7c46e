/* SPDX-License-Identifier: PostgreSQL */
/*
 * Citus on the distribution's PostgreSQL: a coordinator, workers, pgpool-II in front. What the second walk-through
 * does with Docker Swarm; docs/howto/citus.md has the two side by side.
 */
#include "recipe.h"

static const struct role roles[] = {
	{ "coordinator", .min = 1, .max = 1, .port = 5432, .dir = "citus", .node_name = "coordinator", .sql = true },
	{ "worker", .min = 0, .max = RECIPE_MANY, .port = 5432, .dir = "citus", .node_name = "worker_@{index}", .sql = true },
	{ "pgpool", .min = 0, .max = 1, .port = 9999, .dir = "pgpool", .node_name = "pgpool", .sql = true },
	{ 0 },
};

static const struct placement placements[] = {
	{ 1, "coordinator", "1" },
	{ 1, "pgpool", "1" },

	{ 2, "coordinator", "1" },
	{ 2, "pgpool", "1" },
	{ 2, "worker", "2-" },
	{ 0 },
};

#define P "tuning/postgres/"
#define CONF                                                                            \
	P "postgresql.conf=@{dir}/postgresql.conf:0600 " P "pg_hba.conf=@{dir}/pg_hba.conf:0600 " \
	P "pg_ident.conf=@{dir}/pg_ident.conf:0600 " P "profile.sh=/var/lib/postgresql/.bash_profile:0644"
#define INIT_LOG "/run/labctl/@{nodename}.init"
#define SERVER_LOG "@{dir}/log/postgresql.log"

static const struct rule rules[] = {
	{ "coordinator.init", "coordinator", .arg = P "primary.init.sh", .timeout_s = 300,
	  .title = "initdb of the coordinator", .log = INIT_LOG },
	{ "worker.init", "worker", .arg = P "primary.init.sh", .timeout_s = 300,
	  .title = "initdb of the worker", .log = INIT_LOG },
	{ 0 },
};

static const struct database_template templates[] = {
	{ "citus", "template_citus", "citus" },
	{ "postgis", "template_postgis",
	  "postgis postgis_topology fuzzystrmatch postgis_tiger_geocoder pg_repack citus" },
	{ 0 },
};

static const char *const secrets[] = { "postgres", "pcp", NULL };

const struct recipe recipe_citus = {
	.kind = "citus",
	.title = "Citus on the distribution's PostgreSQL: a coordinator, workers, pgpool-II in front",
	.user = "postgres",
	.prefix = "/opt/citus",
	.psql_role = "coordinator",
	.database = "postgres",
	.superuser = "postgres",
	.roles = roles,
	.placements = placements,
	.rules = rules,
	.backends = "coordinator",
	.templates = templates,
	.secrets = secrets,
};
