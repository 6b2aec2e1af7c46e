/* SPDX-License-Identifier: PostgreSQL */
/*
 * Postgres-XC 1.0, as the walk-through of 2013 builds 1.0.2: ports, names and
 * directories are that document's, its spelling ("coordinate") included, because
 * pgxc_node hashes names. Only the GTM's port differs by default: 1920 instead of
 * 1921, so that one node can carry every role.
 */
#include "pgxc_limits.h"
#include "recipe.h"

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

static const struct placement placements[] = {
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

static const struct role_set role_sets[] = {
	{ "data_nodes", "gtm_proxy datanode coordinator" },
	{ 0 },
};

#define T "tuning/pgxc/"
#define INIT_LOG "/run/labctl/@{nodename}.init"
#define START_LOG "/run/labctl/@{nodename}.start"
/* What scripts for joining nodes and moving tables share. */
#define CLUSTER T "cluster.sh=" BOOT "@{nodename}.cluster:0600:root"
/* All roles of a node share this file. */
#define PROFILE T "profile.sh=/home/@{user}/.bash_profile:0644"

/*
 * What starts a role, and what stops it, is on the node too, for its unit at boot (start.sh). init scripts make the directory.
 */
#define BOOT "/var/lib/labctl/boot/"
#define STARTS(script) \
	" tuning/lib.sh=" BOOT "lib.sh:0600:root " T "boot.sh=" BOOT "boot:0600:root " T script "=" BOOT "@{nodename}.start:0600:root " \
	T "stop.sh=" BOOT "@{nodename}.stop:0600:root"

static const struct rule rules[] = {
	{ "gtm.init", "gtm", .arg = T "gtm.init.sh", .timeout_s = 60,
	  .title = "create the data directory of the GTM", .log = INIT_LOG, .use = USE_MAKE },
	{ "gtm_standby.init", "gtm_standby", .arg = T "gtm_standby.init.sh", .timeout_s = 60,
	  .title = "create the data directory of the GTM standby", .log = INIT_LOG, .use = USE_MAKE },
	{ "gtm_proxy.init", "gtm_proxy", .arg = T "gtm_proxy.init.sh", .timeout_s = 60,
	  .title = "create the data directory of the GTM proxy", .log = INIT_LOG, .use = USE_MAKE },
	{ "datanode.init", "datanode", .arg = T "postmaster.init.sh", .timeout_s = 300,
	  .title = "initdb of the datanode", .log = INIT_LOG, .use = USE_MAKE },
	{ "coordinator.init", "coordinator", .arg = T "postmaster.init.sh", .timeout_s = 300,
	  .title = "initdb of the coordinator", .log = INIT_LOG, .use = USE_MAKE },

	/* After an unclean stop the GTM must continue above the transaction numbers that these servers have seen. */
	{ "datanode.xid", "datanode", .after = ".datanode.init", .arg = T "next_xid.sh",
	  .title = "read the datanode's next transaction number" },
	{ "coordinator.xid", "coordinator", .after = ".coordinator.init", .arg = T "next_xid.sh",
	  .title = "read the coordinator's next transaction number" },

	/* A GTM that has lost its sequences may meet no client until they are compared: nextval() would return used values. */
	{ "gtm.look", "gtm", .after = ".gtm.init datanode.xid coordinator.xid", .arg = T "gtm.look.sh",
	  .title = "check how the GTM was stopped" },
	/* Before the GTM may be started again, and nobody answers for a while. */
	{ "sequences.count", "coordinator:first", .after = "gtm.look .coordinator.init", .arg = T "sequences_count.sh",
	  .title = "count the sequences" },
	{ "coordinator.shut", "coordinator", .after = "gtm.look sequences.count .coordinator.init", .arg = T "coordinator.shut.sh",
	  .title = "close the coordinator while the GTM does not know its sequences, or another node joins", .log = START_LOG },

	/* The order matters: a server that starts before the GTM exits, with status 0. */
	{ "gtm.start", "gtm", .after = ".gtm.init datanode.xid coordinator.xid gtm.look sequences.count coordinator.shut", .arg = T "start.sh",
	  .files = T "gtm.conf=@{dir}/gtm.conf:0600 " PROFILE STARTS("gtm.start.sh"),
	  .timeout_s = 120, .title = "start the GTM", .log = "@{dir}/gtm.log", .use = USE_SERVER, .brings = true },
	{ "gtm_standby.start", "gtm_standby", .after = "gtm.start .gtm_standby.init", .arg = T "start.sh",
	  .files = T "gtm_standby.conf=@{dir}/gtm.conf:0600 " PROFILE STARTS("gtm_standby.start.sh"),
	  .timeout_s = 120, .title = "start the GTM standby", .log = "@{dir}/gtm.log", .use = USE_SERVER },
	{ "gtm_proxy.start", "gtm_proxy", .after = "gtm.start gtm_standby.start .gtm_proxy.init",
	  .arg = T "start.sh",
	  .files = T "gtm_proxy.conf=@{dir}/gtm_proxy.conf:0600 " PROFILE STARTS("gtm_proxy.start.sh"),
	  .timeout_s = 120, .title = "start the GTM proxy", .log = START_LOG, .use = USE_SERVER },
	{ "datanode.start", "datanode", .after = ".gtm_proxy.start .datanode.init", .arg = T "start.sh",
	  .files = T "datanode.conf=@{dir}/postgresql.conf:0600 " T "pg_hba.conf=@{dir}/pg_hba.conf:0600 " PROFILE
	  STARTS("postmaster.start.sh") " " CLUSTER,
	  .timeout_s = 180, .title = "start the datanode", .log = START_LOG, .use = USE_SERVER, .in_turn = true },
	{ "coordinator.start", "coordinator", .after = ".gtm_proxy.start .coordinator.init datanode.start",
	  .arg = T "start.sh",
	  .files = T "coordinator.conf=@{dir}/postgresql.conf:0600 " T "pg_hba.conf=@{dir}/pg_hba.conf:0600 " PROFILE
	  STARTS("postmaster.start.sh") " " CLUSTER,
	  .timeout_s = 180, .title = "start the coordinator", .log = START_LOG, .use = USE_SERVER, .in_turn = true },

	{ "sequences", "coordinator:first", .after = "coordinator.start datanode.start", .arg = T "sequences.sh", .timeout_s = 1800,
	  .title = "compare the sequences with the GTM's", .log = START_LOG },
	{ "doubtful", "coordinator:first", .after = "sequences", .arg = T "doubtful.sh", .timeout_s = 600,
	  .title = "end transactions in doubt", .log = START_LOG },
	{ "coordinator.join", "coordinator", .after = "coordinator.start datanode.start", .arg = T "postmaster.join.sh",
	  .timeout_s = 1800, .title = "give a new coordinator the definitions of the others", .log = START_LOG },
	{ "datanode.join", "datanode", .after = "coordinator.join", .arg = T "postmaster.join.sh",
	  .timeout_s = 1800, .title = "give a new datanode the definitions of the others", .log = START_LOG },
	{ "coordinator.place", "coordinator:rest", .after = "coordinator.join datanode.join", .arg = T "coordinator.place.sh",
	  .timeout_s = 1800, .title = "look where tables are that were moved", .log = START_LOG },
	{ "coordinator.fresh", "coordinator", .after = "coordinator.place", .arg = T "coordinator.shut.sh",
	  .title = "end sessions between coordinators that know fewer nodes" },
	{ "coordinator.open", "coordinator", .after = "doubtful coordinator.fresh .coordinator.start", .arg = T "coordinator.open.sh", .timeout_s = 180,
	  .title = "open the coordinator to clients", .log = START_LOG },
	{ "gtm.recovered", "gtm", .after = "coordinator.open .gtm.start", .arg = T "gtm.recovered.sh",
	  .title = "note that the GTM knows its sequences", .use = USE_SERVER },

	/*
	 * On every coordinator: definitions of nodes and groups are not distributed. Statements are tried for 60 s, here and
	 * in the smoke test: the GTM proxy before 1.1 gives another number to a connection that is open while an older one is
	 * closed. The next that gets its old number and ends takes its transaction along: that fails ("could not obtain
	 * snapshot"), or its commit gets no answer, and goes on after the 20 s that a client waits for the GTM.
	 */
	{ "demote", "coordinator", .after = "coordinator.open datanode.start", .verb = RULE_SQL, .shares = true,
	  .arg = T "demote.sql", .timeout_s = 300, .title = "demote the former primary datanode", .log = START_LOG },
	{ "register", "coordinator", .after = ".demote coordinator.open datanode.start", .verb = RULE_SQL, .shares = true,
	  .arg = T "register.sql", .timeout_s = 300, .title = "register all nodes at the coordinator", .log = START_LOG },

	{ "smoke.create", "coordinator:first", .after = "register gtm.recovered", .verb = RULE_SQL, .shares = true, .arg = T "smoke_create.sql",
	  .timeout_s = 300, .title = "smoke test: write", .log = START_LOG },
	{ "smoke.read", "coordinator:rest", .after = "smoke.create", .verb = RULE_SQL, .shares = true, .arg = T "smoke_read.sql",
	  .timeout_s = 300, .title = "smoke test: read", .log = START_LOG },
	{ "smoke.datanode", "datanode", .after = "smoke.create", .verb = RULE_SQL, .shares = true, .arg = T "smoke_datanode.sql",
	  .timeout_s = 300, .title = "smoke test: check the datanode's rows", .log = START_LOG },
	{ "smoke.replicated", "datanode", .after = "smoke.create", .arg = T "smoke_replicated.sh", .timeout_s = 60,
	  .title = "check that an update reached all copies", .log = START_LOG },
	{ "smoke.drop", "coordinator:first", .after = "smoke.create smoke.read smoke.datanode smoke.replicated", .verb = RULE_SQL, .shares = true,
	  .arg = T "smoke_drop.sql", .timeout_s = 300, .title = "smoke test: drop the tables", .log = START_LOG },

	{ "doubtful.left", "coordinator:first", .after = "smoke.drop", .arg = T "doubtful_left.sh", .timeout_s = 300,
	  .title = "check that no transaction is left in doubt" },

	/* What the smoke test does not cover. */
	{ "gtm_standby.health", "gtm_standby", .after = "smoke.drop", .arg = T "health.sh", .timeout_s = 60,
	  .title = "check that the GTM standby follows", .log = "@{dir}/gtm.log", .use = USE_SERVER },
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

/* The other way round; only the GTM's standby ends after the GTM. The GTM does not end while a proxy is connected. */
static const struct rule stop_rules[] = {
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

static const struct rule fence_rules[] = {
	{ "gtm_standby.fence", "gtm_standby", .arg = T "gtm.fence.sh", .title = "end an old GTM for good" },
	{ 0 },
};

static const struct rule promote_rules[] = {
	{ "gtm.promote", "gtm", .arg = T "gtm.promote.sh", .title = "give the standby's directory to the GTM" },
	{ 0 },
};

static const struct rule rejoin_rules[] = {
	{ "gtm_standby.fence", "gtm_standby", .arg = T "gtm.fence.sh", .title = "end an old GTM for good" },
	{ "gtm_standby.rejoin", "gtm_standby", .after = ".gtm_standby.fence", .arg = T "gtm_standby.rejoin.sh",
	  .title = "remove the directory of the old GTM" },
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
	  .title = "look which tables must move" },                                                                 \
	{ id ".shut", "coordinator", .after = id ".look", .arg = T "coordinator.shut.sh",                           \
	  .title = "close the coordinator while tables move" },                                                     \
	{ id, "coordinator:first", .after = id ".shut", .arg = T "moves.sh", .files = CLUSTER, .timeout_s = 86400,  \
	  .title = "move tables", .log = START_LOG },                                                               \
	{ id ".place", "coordinator:rest", .after = id, .arg = T "coordinator.place.sh", .files = CLUSTER,          \
	  .timeout_s = 1800, .title = "look where tables are that were moved" },                                    \
	{ id ".drop", "coordinator", .after = id ".place", .arg = T "coordinator.forget.sh", .timeout_s = 240,      \
	  .title = "drop the datanode that leaves" },                                                               \
	{ id ".fresh", "coordinator", .after = id ".drop", .arg = T "coordinator.shut.sh",                          \
	  .title = "end sessions between coordinators that know the old places" },                                  \
	{ id ".open", "coordinator", .after = id ".fresh", .arg = T "coordinator.open.sh", .timeout_s = 180,        \
	  .title = "open the coordinator to clients" }

static const struct rule datanode_leave_rules[] = { MOVES("datanode.drain"), { 0 } };

static const struct rule rebalance_rules[] = { MOVES("rebalance"), { 0 } };

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

static const struct fence_file fence_files[] = { { "labctl.fenced", "" }, { 0 } };

/* The GTM only: datanodes and coordinators have no standbys. */
static const struct takeover takeover = {
	.role = "gtm", .from = "gtm_standby",
	.loses = "no committed row. Sessions end, and open transactions are rolled back; clients that got no answer to a commit must look "
		 "whether it is there. Transaction numbers jump by a million, sequences by up to 1,000 steps",
	.asks = standing_rules, .leave = leave_rules, .fence = fence_rules, .promote = promote_rules, .rejoin = rejoin_rules,
	.proof = "labctl.fenced", .fence_files = fence_files,
};

static const struct rule status_rules[] = {
	{ "gtm.status", "gtm", .arg = T "health.sh", .title = "look at the GTM" },
	{ "gtm_standby.status", "gtm_standby", .arg = T "health.sh", .title = "look at the GTM standby" },
	{ "gtm_proxy.status", "gtm_proxy", .arg = T "health.sh", .title = "look at the GTM proxy" },
	{ 0 },
};

#define DB_COMPLETE(before)                                                             \
	{ "db.complete", "coordinator:first", .after = before, .verb = RULE_SQL, .arg = T "db_complete.sql", .timeout_s = 300, \
	  .title = "create the database where it is missing" }

static const struct rule create_rules[] = {
	DB_COMPLETE(NULL),
	{ "db.create", "coordinator:first", .after = "db.complete", .verb = RULE_SQL, .arg = T "db_create.sql", .timeout_s = 300,
	  .title = "create the database" },
	{ "db.coordinator", "coordinator:rest", .after = "db.create", .verb = RULE_SQL, .arg = T "db_created.sql",
	  .title = "check that the database exists" },
	{ "db.datanode", "datanode", .after = "db.create", .verb = RULE_SQL, .arg = T "db_created.sql",
	  .title = "check that the database exists" },
	{ 0 },
};

static const struct rule drop_rules[] = {
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

/* On every node by itself: where one missed it, nothing would tell. */
static const struct rule passwd_rules[] = {
	{ "passwd.coordinator", "coordinator", .arg = T "password.sh", .timeout_s = 120, .title = "set the superuser's password" },
	{ "passwd.datanode", "datanode", .arg = T "password.sh", .timeout_s = 120, .title = "set the superuser's password" },
	{ 0 },
};

static const struct task tasks[] = {
	{ "create", create_rules, RECORD_NOTHING },
	{ "drop", drop_rules, RECORD_NOTHING },
	{ "passwd", passwd_rules, RECORD_PASSWORDS },
	{ "rebalance", rebalance_rules, RECORD_NOTHING },
	{ 0 },
};

static const struct query queries[] = {
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

static const struct role_link links[] = {
	{ "gtm_standby", "gtm", LINK_ALL, "registers, copies the state" },
	{ "gtm", "gtm_standby", LINK_ALL, "forwards each change" },
	{ "gtm_proxy", "gtm", LINK_ALL, "transaction numbers, snapshots, in groups" },
	{ "datanode", "gtm_proxy", LINK_SAME_NODE, "transaction numbers, snapshots" },
	{ "coordinator", "gtm_proxy", LINK_SAME_NODE, "transaction numbers, snapshots" },
	{ "coordinator", "datanode", LINK_ALL, "parts of each query, two-phase commit" },
	{ "coordinator", "coordinator", LINK_ALL, "definitions (DDL)" },
	{ 0 },
};

static const struct role_log logs[] = {
	{ "gtm", "@{dir}/gtm.log" },
	{ "gtm_standby", "@{dir}/gtm.log" },
	{ "gtm_proxy", "@{dir}/gtm_proxy.log" },
	{ "datanode", "@{dir}/pg_log/*.csv" },
	{ "coordinator", "@{dir}/pg_log/*.csv" },
	{ 0 },
};

static const char *const secrets[] = { "postgres", NULL };

const struct recipe recipe_pgxc = {
	.kind = "pgxc",
	.title = "Postgres-XC: GTM, standby, proxies, datanodes, coordinators",
	.user = "pgxc",
	.prefix = "/opt/pgxc",
	.build = T "build.sh",
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
	.placements = placements,
	.role_sets = role_sets,
	.rules = rules,
	.members = members,
	.grows = "coordinator",
	.takeover = &takeover,
	.stops = stop_rules,
	.status = status_rules,
	.tasks = tasks,
	.queries = queries,
	.limits = pgxc_limits,
	.links = links,
	.logs = logs,
	.group_role = "datanode",
	.secrets = secrets,
};
