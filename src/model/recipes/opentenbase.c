/* SPDX-License-Identifier: PostgreSQL */
/*
 * OpenTenBase 2.6, a descendant of Postgres-XL on PostgreSQL 10. Its GTM hands out timestamps and has a log of its own, so that
 * nothing must be read from the nodes after a crash; servers call it themselves, without proxies, and have its address in their
 * catalog. Rows are placed by a map of shards that a node group has.
 */
#include "xc.h"

#define CONF "tuning/opentenbase/"
#define XL "tuning/pgxl/"

static const struct role roles[] = {
	{ "gtm", .min = 1, .max = 1, .port = 1920, .dir = "opentenbase_gtm", .node_name = "gtm" },
	{ "gtm_standby", .min = 0, .max = 1, .port = 1920, .dir = "opentenbase_gtm", .node_name = "gtm_standby" },
	{ "datanode", .min = 1, .max = RECIPE_MANY, .port = 1923, .dir = "opentenbase_datanode", .node_name = "datanode_@{index}",
	  .sql = true },
	{ "coordinator", .min = 1, .max = RECIPE_MANY, .port = 1921, .dir = "opentenbase_coordinator", .node_name = "coordinator_@{index}",
	  .sql = true },
	{ 0 },
};

static const struct placement placements[] = {
	{ 1, "gtm", "1" },
	{ 1, "datanode", "1" },
	{ 1, "coordinator", "1" },

	{ 2, "gtm", "1" },
	{ 2, "datanode", "2" },
	{ 2, "coordinator", "2" },

	{ 3, "gtm", "1" },
	{ 3, "gtm_standby", "2" },
	{ 3, "datanode", "3-" },
	{ 3, "coordinator", "3-" },
	{ 0 },
};

static const struct role_set role_sets[] = {
	{ "data_nodes", "datanode coordinator" },
	{ 0 },
};

static const struct rule rules[] = {
	{ "gtm.init", "gtm", .arg = T "gtm.init.sh", .timeout_s = 60,
	  .title = "create the data directory of the GTM", .log = INIT_LOG, .use = USE_MAKE },
	{ "gtm_standby.init", "gtm_standby", .arg = T "gtm_standby.init.sh", .timeout_s = 60,
	  .title = "create the data directory of the GTM standby", .log = INIT_LOG, .use = USE_MAKE },
	{ "datanode.init", "datanode", .arg = T "postmaster.init.sh", .timeout_s = 600,
	  .title = "initdb of the datanode", .log = INIT_LOG, .use = USE_MAKE },
	{ "coordinator.init", "coordinator", .arg = T "postmaster.init.sh", .timeout_s = 600,
	  .title = "initdb of the coordinator", .log = INIT_LOG, .use = USE_MAKE },

	{ "gtm.start", "gtm", .after = ".gtm.init", .arg = T "start.sh",
	  .files = T "gtm.conf=@{dir}/gtm.conf:0600 " PROFILE STARTS(CONF "gtm.start.sh"),
	  .timeout_s = 120, .title = "start the GTM", .log = START_LOG, .use = USE_SERVER, .brings = true },
	{ "gtm_standby.start", "gtm_standby", .after = "gtm.start .gtm_standby.init", .arg = T "start.sh",
	  .files = T "gtm_standby.conf=@{dir}/gtm.conf:0600 " PROFILE STARTS(CONF "gtm_standby.start.sh"),
	  .timeout_s = 120, .title = "start the GTM standby", .log = START_LOG, .use = USE_SERVER },
	{ "datanode.start", "datanode", .after = "gtm.start .datanode.init", .arg = T "start.sh",
	  .files = CONF "datanode.conf=@{dir}/postgresql.conf:0600 " XL "pg_hba.conf=@{dir}/pg_hba.conf:0600 " PROFILE
	  STARTS(T "postmaster.start.sh"),
	  .timeout_s = 240, .title = "start the datanode", .log = START_LOG, .use = USE_SERVER, .in_turn = true },
	{ "coordinator.start", "coordinator", .after = "gtm.start .coordinator.init datanode.start", .arg = T "start.sh",
	  .files = CONF "coordinator.conf=@{dir}/postgresql.conf:0600 " XL "pg_hba.conf=@{dir}/pg_hba.conf:0600 " PROFILE
	  STARTS(T "postmaster.start.sh"),
	  .timeout_s = 240, .title = "start the coordinator", .log = START_LOG, .use = USE_SERVER, .in_turn = true },

	/* Each server has a list of nodes of its own. */
	{ "demote", "coordinator", .after = "coordinator.start datanode.start", .verb = RULE_SQL, .shares = true,
	  .arg = T "demote.sql", .timeout_s = 300, .title = "demote the former primary datanode", .log = START_LOG },
	{ "register", "coordinator", .after = ".demote coordinator.start datanode.start", .verb = RULE_SQL, .shares = true, .arg = T "register.sql",
	  .timeout_s = 300, .title = "register all nodes at the coordinator", .log = START_LOG },
	{ "datanode.register", "datanode", .after = "register", .verb = RULE_SQL, .shares = true, .arg = T "register.sql",
	  .timeout_s = 300, .title = "register all nodes at the datanode", .log = START_LOG },
	{ "group", "coordinator:first", .after = "register datanode.register", .verb = RULE_SQL, .shares = true, .arg = CONF "group.sql",
	  .timeout_s = 300, .title = "make the default node group and its map of shards", .log = START_LOG },

	{ "smoke.create", "coordinator:first", .after = "group", .verb = RULE_SQL, .shares = true, .arg = CONF "smoke_create.sql",
	  .timeout_s = 300, .title = "smoke test: write", .log = START_LOG },
	{ "smoke.read", "coordinator:rest", .after = "smoke.create", .verb = RULE_SQL, .shares = true, .arg = T "smoke_read.sql",
	  .timeout_s = 300, .title = "smoke test: read", .log = START_LOG },
	{ "smoke.join", "coordinator:first", .after = "smoke.create", .verb = RULE_SQL, .shares = true, .arg = XL "smoke_join.sql",
	  .timeout_s = 300, .title = "smoke test: join rows of several datanodes", .log = START_LOG },
	{ "smoke.datanode", "datanode", .after = "smoke.create", .verb = RULE_SQL, .shares = true, .arg = T "smoke_datanode.sql",
	  .timeout_s = 300, .title = "smoke test: check the datanode's rows", .log = START_LOG },
	{ "smoke.replicated", "datanode", .after = "smoke.create", .arg = T "smoke_replicated.sh", .timeout_s = 60,
	  .title = "check that an update reached all copies", .log = START_LOG },
	{ "smoke.drop", "coordinator:first", .after = "smoke.create smoke.read smoke.join smoke.datanode smoke.replicated", .verb = RULE_SQL,
	  .shares = true, .arg = T "smoke_drop.sql", .timeout_s = 300, .title = "smoke test: drop the tables", .log = START_LOG },

	/* What the smoke test does not cover. */
	{ "gtm_standby.health", "gtm_standby", .after = "smoke.drop", .arg = T "health.sh", .timeout_s = 60,
	  .title = "check that the GTM standby follows", .log = START_LOG, .use = USE_SERVER },
	{ "datanode.health", "datanode", .after = "smoke.drop", .arg = T "health.sh", .timeout_s = 60,
	  .title = "check that the datanode is alive", .log = START_LOG, .use = USE_SERVER },
	{ "coordinator.health", "coordinator", .after = "smoke.drop", .arg = T "health.sh", .timeout_s = 60,
	  .title = "check that the coordinator is alive", .log = START_LOG, .use = USE_SERVER },
	{ "datanode.answer", "datanode", .after = ".datanode.health smoke.drop", .verb = RULE_SQL, .shares = true, .arg = T "answer.sql",
	  .timeout_s = 60, .title = "check that the datanode answers", .log = START_LOG, .use = USE_SERVER },
	{ "coordinator.answer", "coordinator", .after = ".coordinator.health smoke.drop", .verb = RULE_SQL, .shares = true, .arg = T "answer.sql",
	  .timeout_s = 60, .title = "check that the coordinator answers", .log = START_LOG, .use = USE_SERVER },
	{ 0 },
};

/* The other way round; only the GTM's standby ends after the GTM. */
static const struct rule stops[] = {
	{ "coordinator.stop", "coordinator", .arg = T "stop.sh", .title = "stop the coordinator" },
	{ "datanode.stop", "datanode", .after = "coordinator.stop", .arg = T "stop.sh", .title = "stop the datanode" },
	{ "gtm.stop", "gtm", .after = "coordinator.stop datanode.stop", .arg = T "stop.sh", .title = "stop the GTM", .brings = true },
	{ "gtm_standby.stop", "gtm_standby", .after = "gtm.stop", .arg = T "stop.sh", .title = "stop the GTM standby" },
	{ 0 },
};

static const struct rule status[] = {
	{ "gtm.status", "gtm", .arg = T "health.sh", .title = "look at the GTM" },
	{ "gtm_standby.status", "gtm_standby", .arg = T "health.sh", .title = "look at the GTM standby" },
	{ 0 },
};

static const struct rule standing_rules[] = {
	{ "gtm.standing", "gtm", .arg = CONF "standing.sh", .title = "ask the GTM" },
	{ "gtm_standby.standing", "gtm_standby", .arg = CONF "standing.sh", .title = "ask the GTM standby" },
	{ 0 },
};

static const struct rule leave_rules[] = {
	{ "gtm_standby.leave", "gtm_standby", .arg = CONF "gtm.leave.sh", .title = "end the old GTM for good" },
	{ 0 },
};

static const struct rule promote_rules[] = {
	{ "gtm.promote", "gtm", .arg = CONF "gtm.promote.sh", .timeout_s = 120, .title = "promote the GTM standby" },
	{ 0 },
};

/* The GTM only: labctl makes no standbys of datanodes and coordinators. */
static const struct takeover takeover = {
	.role = "gtm", .from = "gtm_standby",
	.loses = "no committed row. Open transactions are rolled back; clients that got no answer to a commit must look whether it is there. "
		 "Sequences jump. What the GTM wrote in its last moment before it died may have missed the standby: values of sequences that "
		 "reserved new ones just then may come again",
	.asks = standing_rules, .leave = leave_rules, .fence = xc_fence_rules, .promote = promote_rules, .rejoin = xc_rejoin_rules,
	.proof = "labctl.fenced", .fence_files = xc_fence_files,
};

static const struct member members[] = {
	{ .role = "datanode", .stays = "its datanode has shards of tables, and labctl cannot move them to other nodes" },
	{ 0 },
};

static const struct task tasks[] = {
	{ "create", xc_create_rules, RECORD_NOTHING },
	{ "drop", xc_drop_rules, RECORD_NOTHING },
	{ "passwd", xl_passwd_rules, RECORD_PASSWORDS },
	{ 0 },
};

static const struct role_link links[] = {
	{ "gtm_standby", "gtm", LINK_ALL, "follows the log" },
	{ "datanode", "gtm", LINK_ALL, "timestamps, sequences" },
	{ "coordinator", "gtm", LINK_ALL, "timestamps, sequences" },
	{ "coordinator", "datanode", LINK_ALL, "parts of each query, two-phase commit" },
	{ "datanode", "datanode", LINK_ALL, "rows of joins" },
	{ "coordinator", "coordinator", LINK_ALL, "definitions (DDL)" },
	{ 0 },
};

static const struct role_log logs[] = {
	{ "gtm", "@{dir}/gtm_log/*.log" },
	{ "gtm_standby", "@{dir}/gtm_log/*.log" },
	{ "datanode", "@{dir}/pg_log/*.csv" },
	{ "coordinator", "@{dir}/pg_log/*.csv" },
	{ 0 },
};

const struct recipe recipe_opentenbase = {
	.kind = "opentenbase",
	.title = "OpenTenBase: GTM, standby, datanodes, coordinators",
	.user = "opentenbase",
	.prefix = "/opt/opentenbase",
	.build = T "build.sh",
	.product = "OpenTenBase",
	.source = "https://github.com/OpenTenBase/OpenTenBase/archive/v2.6.0/opentenbase-2.6.0.tar.gz",
	.build_image = "build",
	.build_port = "coordinator",
	.build_prefix = "/opt/opentenbase_VERSION",
	.configure = "--enable-user-switch --with-openssl --with-libxml --with-pam",
	.psql_role = "coordinator",
	.database = "postgres",
	.database_letters = "abcdefghijklmnopqrstuvwxyz_0123456789",
	.superuser = "postgres",
	.roles = roles,
	.placements = placements,
	.role_sets = role_sets,
	.rules = rules,
	.members = members,
	.no_members = "labctl cannot give a new server the definitions of the others, nor move shards to it",
	.takeover = &takeover,
	.stops = stops,
	.status = status,
	.tasks = tasks,
	.queries = xc_queries,
	.limits = opentenbase_limits,
	.links = links,
	.logs = logs,
	.rows = CONF "rows.sql",
	.secrets = xc_secrets,
};
