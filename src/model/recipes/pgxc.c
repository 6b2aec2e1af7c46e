/* SPDX-License-Identifier: PostgreSQL */
/*
 * Postgres-XC 1.0, as the walk-through of 2013 builds 1.0.2: ports, names and
 * directories are that document's, its spelling ("coordinate") included, because
 * pgxc_node hashes names. Only the GTM's port differs by default: 1920 instead of
 * 1921, so that one node can carry every role.
 */
#include "xc.h"

#define CONF T
#define REGISTERED "register"
#define SMOKED ""

static const struct role roles[] = {
	{ "gtm", .min = 1, .max = 1, .port = 1920, .dir = "pgxc_gtm", .node_name = "one" },
	{ "gtm_standby", .min = 0, .max = 1, .port = 1920, .dir = "pgxc_gtm", .node_name = "two" },
	{ "gtm_proxy", .min = 1, .max = RECIPE_MANY, .port = 1924, .dir = "pgxc_gtm_proxy", .node_name = "@{index}" },
	{ "datanode", .min = 1, .max = RECIPE_MANY, .port = 1923, .dir = "pgxc_datanode",
	  .node_name = "datanode_@{index}", .sql = true, .beside = "gtm_proxy" },
	{ "coordinator", .min = 1, .max = RECIPE_MANY, .port = 1921, .dir = "pgxc_coordinate",
	  .node_name = "coordinate_@{index}", .sql = true, .beside = "gtm_proxy" },
	/* Runs the programs of `labctl bench`; only where the lab file places it. */
	{ "client", .min = 0, .max = RECIPE_MANY, .node_name = "client_@{index}" },
	{ 0 },
};

static const struct rule rules[] = {
#include "xc_rules.inc"
	{ 0 },
};

static const struct rule forget_rules[] = {
	{ "coordinator.forget", "coordinator", .arg = T "coordinator.forget.sh", .timeout_s = 240,
	  .title = "drop the servers that left", .log = START_LOG },
	{ 0 },
};

/* Clients are shut out until .open. */
#define MOVES(id)                                                                                                   \
	{ id ".look", "coordinator:first", .arg = T "moves.sh", .files = CLUSTER, .timeout_s = 300,                 \
	  .title = "find the tables that must move" },                                                                 \
	{ id ".shut", "coordinator", .after = id ".look", .arg = T "coordinator.shut.sh",                           \
	  .title = "close the coordinator while tables move" },                                                     \
	{ id, "coordinator:first", .after = id ".shut", .arg = T "moves.sh", .files = CLUSTER, .timeout_s = 86400,  \
	  .title = "move tables", .log = START_LOG },                                                               \
	{ id ".place", "coordinator:rest", .after = id, .arg = T "coordinator.place.sh", .files = CLUSTER,          \
	  .timeout_s = 1800, .title = "learn where the moved tables are" }

#define OPENS(id, after_that)                                                                                        \
	{ id ".fresh", "coordinator", .after = after_that, .arg = T "coordinator.shut.sh",                           \
	  .title = "end sessions that remember the old places" },                                  \
	{ id ".open", "coordinator", .after = id ".fresh", .arg = T "coordinator.open.sh", .timeout_s = 180,        \
	  .title = "open the coordinator to clients" }

static const struct rule datanode_leave_rules[] = {
	MOVES("datanode.drain"),
	{ "datanode.drop", "coordinator", .after = "datanode.drain datanode.drain.place", .arg = T "coordinator.forget.sh", .timeout_s = 240,
	  .title = "drop the datanode that leaves" },
	OPENS("datanode.drain", "datanode.drop"),
	{ 0 },
};

static const struct rule rebalance_rules[] = { MOVES("rebalance"), OPENS("rebalance", "rebalance rebalance.place"), { 0 } };

static const struct member members[] = {
	{ .role = "gtm", .stays = "it has the GTM; its standby must take over first", .instead = "switchover" },
	{ .role = "datanode", .last = "its rows would have no other node", .leave = datanode_leave_rules, .forget = forget_rules,
	  .asked = "coordinator", .only = T "lost.sql",
	  .down = "Other tables can be read and written; changes of definitions wait for it" },
	{ .role = "gtm_proxy" },
	{ .role = "coordinator", .forget = forget_rules },
	{ .role = "client" },
	{ 0 },
};

/* On every node by itself: where one missed it, nothing would tell. */
static const struct rule passwd_rules[] = {
	{ "passwd.coordinator", "coordinator", .arg = T "password.sh", .timeout_s = 120, .title = "set the superuser's password" },
	{ "passwd.datanode", "datanode", .arg = T "password.sh", .timeout_s = 120, .title = "set the superuser's password" },
	{ 0 },
};

static const struct task tasks[] = {
	{ "create", xc_create_rules, RECORD_NOTHING },
	{ "drop", xc_drop_rules, RECORD_NOTHING },
	{ "passwd", passwd_rules, RECORD_PASSWORDS },
	{ "rebalance", rebalance_rules, RECORD_NOTHING },
	{ 0 },
};

const struct recipe recipe_pgxc = {
	.kind = "pgxc",
	.title = "Postgres-XC: GTM, standby, proxies, datanodes, coordinators",
	.user = "pgxc",
	.prefix = "/opt/pgxc",
	.build = T "build.sh",
	.fits = T "fits.sh",
	.product = "Postgres-XC",
	.source = "https://downloads.sourceforge.net/project/postgres-xc/Version_1.0/pgxc-v1.0.2.tar.gz",
	.build_image = "build",
	.build_port = "coordinator",
	.build_extra = T "gtm_sequence.c",
	.build_prefix = "/opt/pgxc_VERSION",
	.configure = "--with-pgport=1921 --with-perl --with-python --with-tcl --with-openssl --with-pam --without-ldap "
		     "--with-libxml --with-libxslt --enable-thread-safety --with-wal-blocksize=16 --enable-debug",
	.psql_role = "coordinator",
	.database = "postgres",
	/* Postgres-XC puts names unquoted into its own connection strings and statements. */
	.database_letters = "abcdefghijklmnopqrstuvwxyz_0123456789",
	.superuser = "postgres",
	.roles = roles,
	.placements = xc_placements,
	.role_sets = xc_role_sets,
	.rules = rules,
	.members = members,
	.grows = "coordinator",
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
