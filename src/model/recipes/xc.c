/* SPDX-License-Identifier: PostgreSQL */
/* Tables that Postgres-XC and its successors share. */
#include "xc.h"

const struct placement xc_placements[] = {
	{ 1, "gtm", "1" },
	{ 1, "gtm_proxy", "1" },
	{ 1, "datanode", "1" },
	{ 1, "coordinator", "1" },

	{ 2, "gtm", "1" },
	{ 2, "gtm_proxy", "2" },
	{ 2, "datanode", "2" },
	{ 2, "coordinator", "2" },

	{ 3, "gtm", "1" },
	{ 3, "gtm_standby", "2" },
	{ 3, "gtm_proxy", "3-" },
	{ 3, "datanode", "3-" },
	{ 3, "coordinator", "3-" },
	{ 0 },
};

const struct role_set xc_role_sets[] = {
	{ "data_nodes", "gtm_proxy datanode coordinator" },
	{ 0 },
};

/* The other way round; only the GTM's standby ends after the GTM. The GTM does not end while a proxy is connected. */
const struct rule xc_stops[] = {
	{ "coordinator.stop", "coordinator", .arg = T "stop.sh", .title = "stop the coordinator" },
	{ "datanode.stop", "datanode", .after = "coordinator.stop", .arg = T "stop.sh", .title = "stop the datanode" },
	{ "gtm_proxy.stop", "gtm_proxy", .after = "coordinator.stop datanode.stop", .arg = T "stop.sh",
	  .title = "stop the GTM proxy" },
	{ "gtm.stop", "gtm", .after = "coordinator.stop datanode.stop gtm_proxy.stop", .arg = T "stop.sh", .title = "stop the GTM", .brings = true },
	{ "gtm_standby.stop", "gtm_standby", .after = "gtm.stop", .arg = T "stop.sh", .title = "stop the GTM standby" },
	{ 0 },
};

static const struct rule standing_rules[] = {
	{ "gtm.standing", "gtm", .arg = T "standing.sh", .title = "ask the GTM" },
	{ "gtm_standby.standing", "gtm_standby", .arg = T "standing.sh", .title = "ask the GTM standby" },
	{ 0 },
};

/* No client may see the new GTM before it knows its sequences. */
static const struct rule leave_rules[] = {
	{ "gtm_standby.leave", "gtm_standby", .arg = T "gtm.leave.sh", .title = "look at the old GTM" },
	{ "coordinator.leave", "coordinator", .after = "gtm_standby.leave", .arg = T "coordinator.shut.sh",
	  .title = "close the coordinator while the GTM does not know its sequences" },
	{ "gtm_standby.end", "gtm_standby", .after = "coordinator.leave", .arg = T "gtm.fence.sh", .title = "end the old GTM for good" },
	{ 0 },
};

const struct rule xc_fence_rules[] = {
	{ "gtm_standby.fence", "gtm_standby", .arg = T "gtm.fence.sh", .title = "end an old GTM for good" },
	{ 0 },
};

static const struct rule promote_rules[] = {
	{ "gtm.promote", "gtm", .arg = T "gtm.promote.sh", .title = "give the standby's directory to the GTM" },
	{ 0 },
};

const struct rule xc_rejoin_rules[] = {
	{ "gtm_standby.fence", "gtm_standby", .arg = T "gtm.fence.sh", .title = "end an old GTM for good" },
	{ "gtm_standby.rejoin", "gtm_standby", .after = ".gtm_standby.fence", .arg = T "gtm_standby.rejoin.sh",
	  .title = "remove the directory of the old GTM" },
	{ 0 },
};

const struct fence_file xc_fence_files[] = { { "labctl.fenced", "" }, { 0 } };

/* The GTM only: datanodes and coordinators have no standbys. */
const struct takeover xc_takeover = {
	.role = "gtm", .from = "gtm_standby",
	.loses = "no committed row. Sessions end, and open transactions are rolled back; clients that got no answer to a commit must look "
		 "whether it is there. Transaction numbers jump by a million, sequences by up to 1,000 steps",
	.asks = standing_rules, .leave = leave_rules, .fence = xc_fence_rules, .promote = promote_rules, .rejoin = xc_rejoin_rules,
	.proof = "labctl.fenced", .fence_files = xc_fence_files,
};

const struct rule xc_status[] = {
	{ "gtm.status", "gtm", .arg = T "health.sh", .title = "look at the GTM" },
	{ "gtm_standby.status", "gtm_standby", .arg = T "health.sh", .title = "look at the GTM standby" },
	{ "gtm_proxy.status", "gtm_proxy", .arg = T "health.sh", .title = "look at the GTM proxy" },
	{ 0 },
};

#define DB_COMPLETE(before)                                                             \
	{ "db.complete", "coordinator:first", .after = before, .verb = RULE_SQL, .arg = T "db_complete.sql", .timeout_s = 300, \
	  .title = "create the database where it is missing" }

const struct rule xc_create_rules[] = {
	DB_COMPLETE(NULL),
	{ "db.create", "coordinator:first", .after = "db.complete", .verb = RULE_SQL, .arg = T "db_create.sql", .timeout_s = 300,
	  .title = "create the database" },
	{ "db.coordinator", "coordinator:rest", .after = "db.create", .verb = RULE_SQL, .arg = T "db_created.sql",
	  .title = "check that the database exists" },
	{ "db.datanode", "datanode", .after = "db.create", .verb = RULE_SQL, .arg = T "db_created.sql",
	  .title = "check that the database exists" },
	{ 0 },
};

const struct rule xc_drop_rules[] = {
	{ "db.free", "coordinator", .verb = RULE_SQL, .arg = T "db_free.sql", .timeout_s = 40,
	  .title = "check for open sessions in the database" },
	DB_COMPLETE("db.free"),
	{ "db.drop", "coordinator:first", .after = "db.complete", .verb = RULE_SQL, .arg = T "db_drop.sql", .timeout_s = 300,
	  .title = "drop the database" },
	{ "db.coordinator", "coordinator:rest", .after = "db.drop", .verb = RULE_SQL, .arg = T "db_dropped.sql",
	  .title = "check that the database is gone" },
	{ "db.datanode", "datanode", .after = "db.drop", .verb = RULE_SQL, .arg = T "db_dropped.sql",
	  .title = "check that the database is gone" },
	{ 0 },
};

/* Since Postgres-XL a coordinator sends it to all nodes; the others only look. */
const struct rule xl_passwd_rules[] = {
	{ "passwd", "coordinator:first", .arg = T "password.sh", .timeout_s = 120, .title = "set the superuser's password" },
	{ "passwd.coordinator", "coordinator:rest", .after = "passwd", .arg = T "password.sh", .timeout_s = 120,
	  .title = "check the superuser's password" },
	{ "passwd.datanode", "datanode", .after = "passwd", .arg = T "password.sh", .timeout_s = 120, .title = "check the superuser's password" },
	{ 0 },
};

const struct query xc_queries[] = {
	{ "databases", "coordinator", T "db_coordinator_databases.sql" },
	{ "databases", "datanode", T "db_databases.sql" },
	{ "tables", "coordinator", T "db_tables.sql" },
	{ "nodes", "coordinator", T "db_nodes.sql" },
	{ "figures", "datanode", "tuning/postgres/status_data.sql" },
	{ "registered", "coordinator", T "status_registered.sql" },
	{ "prepared", "coordinator", T "status_prepared.sql" },
	{ "prepared", "datanode", T "status_prepared.sql" },
	{ 0 },
};

const struct role_link xc_links[] = {
	{ "gtm_standby", "gtm", LINK_ALL, "registers, copies the state" },
	{ "gtm", "gtm_standby", LINK_ALL, "forwards each change" },
	{ "gtm_proxy", "gtm", LINK_ALL, "transaction numbers, snapshots, in groups" },
	{ "datanode", "gtm_proxy", LINK_SAME_NODE, "transaction numbers, snapshots" },
	{ "coordinator", "gtm_proxy", LINK_SAME_NODE, "transaction numbers, snapshots" },
	{ "coordinator", "datanode", LINK_ALL, "parts of each query, two-phase commit" },
	{ "coordinator", "coordinator", LINK_ALL, "definitions (DDL)" },
	{ 0 },
};

const struct role_log xc_logs[] = {
	{ "gtm", "@{dir}/gtm.log" },
	{ "gtm_standby", "@{dir}/gtm.log" },
	{ "gtm_proxy", "@{dir}/gtm_proxy.log" },
	{ "datanode", "@{dir}/pg_log/*.csv" },
	{ "coordinator", "@{dir}/pg_log/*.csv" },
	{ 0 },
};

const char *const xc_secrets[] = { "postgres", NULL };
