/* SPDX-License-Identifier: PostgreSQL */
/*
 * Postgres-XL 9.2, which grew out of Postgres-XC. Datanodes exchange rows with each other, so each of them knows all nodes, too.
 */
#include "xc.h"

#define CONF "tuning/pgxl/"
#define REGISTERED "register datanode.register"
#define SMOKED " smoke.join"

static const struct role roles[] = {
	{ "gtm", .min = 1, .max = 1, .port = 1920, .dir = "pgxl_gtm", .node_name = "gtm" },
	{ "gtm_standby", .min = 0, .max = 1, .port = 1920, .dir = "pgxl_gtm", .node_name = "gtm_standby" },
	{ "gtm_proxy", .min = 1, .max = RECIPE_MANY, .port = 1924, .dir = "pgxl_gtm_proxy", .node_name = "gtm_proxy_@{index}" },
	{ "datanode", .min = 1, .max = RECIPE_MANY, .port = 1923, .dir = "pgxl_datanode",
	  .node_name = "datanode_@{index}", .sql = true, .beside = "gtm_proxy" },
	{ "coordinator", .min = 1, .max = RECIPE_MANY, .port = 1921, .dir = "pgxl_coordinator",
	  .node_name = "coordinator_@{index}", .sql = true, .beside = "gtm_proxy" },
	{ 0 },
};

static const struct rule rules[] = {
#include "xc_rules.inc"
	{ "datanode.register", "datanode", .after = "register", .verb = RULE_SQL, .shares = true, .arg = T "register.sql",
	  .timeout_s = 300, .title = "register all nodes at the datanode", .log = START_LOG },
	{ "smoke.join", "coordinator:first", .after = "smoke.create", .verb = RULE_SQL, .shares = true, .arg = CONF "smoke_join.sql",
	  .timeout_s = 300, .title = "smoke test: join rows of several datanodes", .log = START_LOG },
	{ 0 },
};

static const struct member members[] = {
	{ .role = "datanode", .stays = "its datanode has rows of tables, and labctl cannot move them to other nodes" },
	{ 0 },
};

static const struct task tasks[] = {
	{ "create", xc_create_rules, RECORD_NOTHING },
	{ "drop", xc_drop_rules, RECORD_NOTHING },
	{ "passwd", xl_passwd_rules, RECORD_PASSWORDS },
	{ 0 },
};

const struct recipe recipe_pgxl = {
	.kind = "pgxl",
	.title = "Postgres-XL: GTM, standby, proxies, datanodes, coordinators",
	.user = "pgxl",
	.prefix = "/opt/pgxl",
	.build = T "build.sh",
	.fits = "tuning/pgxc/fits.sh",
	.product = "Postgres-XL",
	.build_image = "build",
	.build_port = "coordinator",
	.build_extra = T "gtm_sequence.c",
	.build_prefix = "/opt/pgxl_VERSION",
	.configure = "--with-perl --with-tcl --with-pam --without-ldap --with-libxml --with-libxslt --with-wal-blocksize=16",
	.psql_role = "coordinator",
	.database = "postgres",
	.database_letters = "abcdefghijklmnopqrstuvwxyz_0123456789",
	.superuser = "postgres",
	.roles = roles,
	.placements = xc_placements,
	.role_sets = xc_role_sets,
	.rules = rules,
	.members = members,
	.no_members = "the way in which labctl gives the definitions of a cluster to another coordinator, as a session of a coordinator, is "
		      "closed since Postgres-XL",
	.takeover = &xc_takeover,
	.stops = xc_stops,
	.status = xc_status,
	.tasks = tasks,
	.queries = xc_queries,
	.limits = xc_limits,
	.links = xc_links,
	.logs = xc_logs,
	.group_role = "datanode",
	.rows = T "rows.sql",
	.secrets = xc_secrets,
};
