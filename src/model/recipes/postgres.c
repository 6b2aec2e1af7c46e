/* SPDX-License-Identifier: PostgreSQL */
/*
 * The distribution's PostgreSQL: one primary, streaming standbys with a slot each.
 * The recipe to copy for a new kind.
 */
#include "recipe.h"

#define ACTS_AS "select case when pg_is_in_recovery() then 'standby' else 'primary' end"

static const struct role roles[] = {
	/* node_name becomes application_name and slot: a-z, 0-9 and '_' only */
	{ "primary", .min = 1, .max = 1, .port = 5432, .dir = "pgsql", .node_name = "primary", .sql = true, .reloads = true,
	  .acts_as = ACTS_AS },
	{ "standby", .min = 0, .max = RECIPE_MANY, .port = 5432, .dir = "pgsql", .node_name = "standby_@{index}",
	  .sql = true, .reloads = true, .acts_as = ACTS_AS },
	/* Only where the lab file places it. */
	{ "pgpool", .min = 0, .max = 1, .port = 9999, .dir = "pgpool", .node_name = "pgpool", .sql = true },
	/* Runs the programs of `labctl bench`; only where the lab file places it. */
	{ "client", .min = 0, .max = RECIPE_MANY, .node_name = "client_@{index}" },
	{ 0 },
};

static const struct placement placements[] = {
	{ 1, "primary", "1" },

	{ 2, "primary", "1" },
	{ 2, "standby", "2-" },
	{ 0 },
};

#define T "tuning/postgres/"
#define CONF                                                                            \
	T "postgresql.conf=@{dir}/postgresql.conf:0600 " T "pg_hba.conf=@{dir}/pg_hba.conf:0600 " \
	T "pg_ident.conf=@{dir}/pg_ident.conf:0600 " T "profile.sh=/var/lib/postgresql/.bash_profile:0644"
#define P "tuning/pgpool/"
#define POOL_CONF                                                                       \
	P "pgpool.conf=@{dir}/pgpool.conf:0600 " P "pool_hba.conf=@{dir}/pool_hba.conf:0600"
#define POOL_LOG "@{dir}/log/pgpool.log"
#define INIT_LOG "/run/labctl/@{nodename}.init"
#define SERVER_LOG "@{dir}/log/postgresql.log"

static const struct rule rules[] = {
	{ "primary.init", "primary", .arg = T "server.init.sh", .timeout_s = 300,
	  .title = "initdb of the primary", .log = INIT_LOG, .use = USE_MAKE },
	{ "primary.start", "primary", .after = ".primary.init", .arg = T "start.sh", .files = CONF,
	  .timeout_s = 300, .title = "start the primary", .log = SERVER_LOG, .use = USE_SERVER },
	{ "primary.superuser", "primary", .after = ".primary.start", .arg = T "superuser.sh",
	  .title = "set the superuser's password", .log = SERVER_LOG },
	{ "primary.accounts", "primary", .after = ".primary.superuser", .arg = T "primary.accounts.sh", .timeout_s = 120,
	  .title = "create the replication slots", .log = "/run/labctl/@{nodename}.accounts" },
	{ "standby.init", "standby", .after = "primary.accounts", .arg = T "standby.init.sh", .timeout_s = 600,
	  .title = "copy the primary to the standby", .log = INIT_LOG, .use = USE_MAKE },
	{ "standby.start", "standby", .after = ".standby.init", .arg = T "start.sh", .files = CONF,
	  .timeout_s = 300, .title = "start the standby", .log = SERVER_LOG, .use = USE_SERVER },

	{ "pgpool.init", "pgpool", .arg = P "init.sh", .title = "create the directory of pgpool-II", .use = USE_SERVER },
	{ "pgpool.start", "pgpool", .after = ".pgpool.init primary.superuser standby.start", .arg = P "start.sh",
	  .files = POOL_CONF, .timeout_s = 120, .title = "start pgpool-II", .log = POOL_LOG, .use = USE_SERVER },
	{ "pgpool.attach", "pgpool", .after = "pgpool.start", .arg = P "attach.sh", .timeout_s = 120,
	  .title = "check the backends of pgpool-II", .log = POOL_LOG, .use = USE_SERVER, .whole = true },

	{ "primary.users", "primary", .after = ".primary.superuser", .arg = T "users.sh", .timeout_s = 300,
	  .title = "create the database users", .log = SERVER_LOG, .for_users = true },
	{ "users.login", "primary", .after = "primary.users", .arg = T "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in", .log = SERVER_LOG, .for_users = true },
	{ "users.pool_login", "pgpool", .after = "users.login pgpool.attach", .arg = T "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in through pgpool-II", .log = POOL_LOG, .for_users = true },

	{ "smoke.write", "primary", .after = "primary.accounts standby.start pgpool.attach", .verb = RULE_SQL,
	  .arg = T "smoke_write.sql", .timeout_s = 120, .title = "smoke test: write", .log = SERVER_LOG, .whole = true },
	{ "smoke.read", "standby", .after = "smoke.write", .verb = RULE_SQL, .arg = T "smoke_read.sql",
	  .timeout_s = 120, .title = "smoke test: read", .log = SERVER_LOG, .whole = true },
	{ "smoke.drop", "primary", .after = "smoke.write smoke.read", .verb = RULE_SQL, .arg = T "smoke_drop.sql",
	  .timeout_s = 120, .title = "smoke test: drop the table", .log = SERVER_LOG, .whole = true },

	{ "primary.health", "primary", .after = "smoke.drop", .verb = RULE_SQL, .arg = T "health.sql",
	  .timeout_s = 60, .title = "check the standbys of the primary", .log = SERVER_LOG, .whole = true },
	{ "standby.health", "standby", .after = "smoke.drop", .verb = RULE_SQL, .arg = T "health.sql",
	  .timeout_s = 60, .title = "check that the standby is streaming", .log = SERVER_LOG, .use = USE_SERVER },
	{ 0 },
};

/* A primary that stops waits until its standbys have all that it wrote. */
static const struct rule stop_rules[] = {
	{ "pgpool.stop", "pgpool", .arg = P "stop.sh", .title = "stop pgpool-II", .log = POOL_LOG },
	{ "primary.stop", "primary", .after = "pgpool.stop", .arg = T "stop.sh", .timeout_s = 120, .title = "stop the primary",
	  .log = SERVER_LOG },
	{ "standby.stop", "standby", .after = "primary.stop", .arg = T "stop.sh", .timeout_s = 120, .title = "stop the standby",
	  .log = SERVER_LOG },
	{ 0 },
};

/* Standbys first, one after the other, so that none needs less than its primary has; then the primary. */
static const struct rule change_rules[] = {
	{ "standby.apply", "standby", .arg = T "start.sh", .files = CONF, .exists = "@{dir}/PG_VERSION", .timeout_s = 300,
	  .title = "apply changes to the standby", .log = SERVER_LOG, .in_turn = true },
	{ "primary.apply", "primary", .after = "standby.apply", .arg = T "start.sh", .files = CONF, .exists = "@{dir}/PG_VERSION",
	  .timeout_s = 300, .title = "apply changes to the primary", .log = SERVER_LOG },
	{ 0 },
};

static const struct rule standby_forget_rules[] = {
	{ "primary.forget", "primary", .verb = RULE_SQL, .arg = T "forget.sql", .timeout_s = 90,
	  .title = "drop the slot of the standby that left", .log = SERVER_LOG },
	{ 0 },
};

static const struct member members[] = {
	{ .role = "primary", .stays = "it has the primary; a standby must take over first (by failover, if it is dead)", .instead = "switchover" },
	{ .role = "standby", .forget = standby_forget_rules },
	{ .role = "pgpool" },
	{ .role = "client" },
	{ 0 },
};

/* The old primary ends before the new one begins; from then on it can only start as a standby. */
static const struct rule leave_rules[] = {
	{ "standby.leave", "standby", .arg = T "leave.sh", .timeout_s = 240,
	  .title = "stop an old primary; all that it wrote must be on the new one", .log = SERVER_LOG },
	{ 0 },
};

static const struct rule fence_rules[] = {
	{ "standby.fence", "standby", .arg = T "fence.sh", .timeout_s = 120,
	  .title = "end an old primary, and keep it from starting as one", .log = SERVER_LOG },
	{ 0 },
};

/* The slots first: from then on the new primary keeps the WAL that the others need to follow it. */
static const struct rule promote_rules[] = {
	{ "primary.slots", "primary", .arg = T "primary.accounts.sh", .timeout_s = 120,
	  .title = "create the replication slots on the new primary", .log = "/run/labctl/@{nodename}.accounts" },
	{ "primary.promote", "primary", .after = ".primary.slots", .arg = T "promote.sh", .timeout_s = 180,
	  .title = "promote it", .log = SERVER_LOG },
	{ 0 },
};

static const struct rule lost_rules[] = {
	{ "standby.lost", "standby", .arg = T "lost.sh", .timeout_s = 120,
	  .title = "count the transactions that only this server has" },
	{ 0 },
};

static const struct rule rejoin_rules[] = {
	{ "standby.fence", "standby", .arg = T "fence.sh", .timeout_s = 120,
	  .title = "end an old primary, and keep it from starting as one", .log = SERVER_LOG },
	{ "standby.lost", "standby", .after = ".standby.fence", .arg = T "lost.sh", .timeout_s = 120,
	  .title = "count the transactions that only this server has" },
	{ "standby.rejoin", "standby", .after = ".standby.lost", .arg = T "rejoin.sh", .timeout_s = 900,
	  .title = "make its data a copy of the primary's, by pg_rewind", .log = "/run/labctl/@{nodename}.rejoin" },
	{ 0 },
};

/* hot_standby: until it follows a primary it answers nobody, since its data is out of date. */
static const struct fence_file fence_files[] = {
	{ "labctl.standby.conf", "# Written by labctl: another server took over from this one. labctl rejoin makes it a standby.\n"
				 "hot_standby = off\n" },
	{ "labctl.fenced", "" },
	{ "standby.signal", "" },
	{ 0 },
};

static const struct takeover takeover = {
	.role = "primary", .from = "standby",
	.standing = T "standing.sql",
	.leave = leave_rules, .fence = fence_rules, .promote = promote_rules, .lost = lost_rules, .rejoin = rejoin_rules,
	.fenced = "labctl.fenced", .proof = "standby.signal", .fence_files = fence_files,
};

static const struct rule status_rules[] = {
	{ "primary.status", "primary", .verb = RULE_SQL, .arg = T "status.sql", .title = "look at the primary" },
	{ "standby.status", "standby", .verb = RULE_SQL, .arg = T "status.sql", .title = "look at the standby" },
	{ 0 },
};

static const struct database_template templates[] = {
	{ "postgis", "template_postgis", "postgis postgis_topology fuzzystrmatch postgis_tiger_geocoder pg_repack hstore" },
	{ 0 },
};

#define DB_FREE(rule_id, role, what) \
	{ rule_id, role, .verb = RULE_SQL, .arg = T "db_free.sql", .timeout_s = 20, .title = "check for open sessions in the " what }
#define DB_CREATE(before)                                                               \
	{ "db.create", "primary", .after = before, .verb = RULE_SQL, .arg = T "db_create.sql", .timeout_s = 300, \
	  .title = "create the database" },                                             \
	{ "db.created", "standby", .after = "db.create", .verb = RULE_SQL, .arg = T "db_created.sql", .timeout_s = 120, \
	  .title = "check that the database is replicated", .log = SERVER_LOG },           \
	{ "db.users", "primary", .after = "db.create", .arg = T "users.sh", .timeout_s = 300, \
	  .title = "create the database users", .log = SERVER_LOG, .for_users = true }

static const struct rule create_rules[] = {
	DB_FREE("db.free", "primary", "template"),
	DB_CREATE("db.free"),
	{ 0 },
};

/* Templates are created after the check for open sessions, so that creating one ends nobody's session. */
static const struct rule create_from_rules[] = {
	DB_FREE("db.free", "primary", "template"),
	{ "db.existing", "primary", .after = "db.free", .arg = T "db_existing.sh", .timeout_s = 300,
	  .title = "check an existing database" },
	{ "db.template", "primary", .after = "db.existing", .arg = T "templates.sh", .timeout_s = 300,
	  .title = "create the template databases" },
	DB_CREATE("db.template"),
	{ 0 },
};

static const struct rule drop_rules[] = {
	DB_FREE("db.free", "primary", "database"),
	DB_FREE("db.standby_free", "standby", "database"),
	{ "db.drop", "primary", .after = "db.free db.standby_free", .verb = RULE_SQL, .arg = T "db_drop.sql",
	  .timeout_s = 300, .title = "drop the database" },
	{ "db.dropped", "standby", .after = "db.drop", .verb = RULE_SQL, .arg = T "db_dropped.sql", .timeout_s = 120,
	  .title = "check that the database is gone", .log = SERVER_LOG },
	{ 0 },
};

static const struct rule extension_rules[] = {
	{ "db.extensions", "primary", .arg = T "db_extensions.sh", .timeout_s = 600, .title = "update extensions" },
	{ 0 },
};

#define USER_FILES T "pg_hba.conf=@{dir}/pg_hba.conf:0600"
/* Access rules of the servers and pgpool; pgpool is started if it is not running. */
#define USER_ACCESS(before, word)                                                                      \
	{ "db.access", "primary", .after = before, .arg = T "start.sh", .files = USER_FILES, .timeout_s = 300, \
	  .title = "update the access rules", .log = SERVER_LOG },                                         \
	{ "db.standby_access", "standby", .after = before, .arg = T "start.sh", .files = USER_FILES, .timeout_s = 300, \
	  .title = "update the access rules", .log = SERVER_LOG },                                         \
	{ "db.pool_" word, "pgpool", .after = before, .arg = P word ".sh", .title = "write the passwords for pgpool-II" }, \
	{ "db.pool", "pgpool", .after = ".db.pool_" word " db.access", .arg = P "start.sh", .timeout_s = 120,  \
	  .title = "reload pgpool-II", .log = POOL_LOG }

static const struct rule user_create_rules[] = {
	USER_ACCESS(NULL, "init"),
	{ "db.users", "primary", .after = "db.access", .arg = T "users.sh", .timeout_s = 300,
	  .title = "create the database users", .log = SERVER_LOG },
	{ "db.login", "primary", .after = "db.users", .arg = T "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in", .log = SERVER_LOG },
	{ "db.pool_login", "pgpool", .after = "db.login .db.pool db.standby_access", .arg = T "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in through pgpool-II", .log = POOL_LOG },
	{ 0 },
};

static const struct rule user_drop_rules[] = {
	{ "db.user_free", "primary", .arg = T "user_free.sh", .timeout_s = 300, .title = "revoke the user's privileges" },
	{ "db.user_drop", "primary", .after = "db.user_free", .verb = RULE_SQL, .arg = T "user_drop.sql", .title = "drop the role" },
	USER_ACCESS("db.user_drop", "user_drop"),
	{ 0 },
};

/* Each script finds out whether a login works, so what was interrupted is completed by the next run, also of a bootstrap. */
static const struct rule passwd_rules[] = {
	{ "passwd.superuser", "primary", .arg = T "superuser.sh", .title = "set the superuser's password", .log = SERVER_LOG },
	{ "passwd.replication", "primary", .after = "passwd.superuser", .arg = T "primary.accounts.sh", .timeout_s = 120,
	  .title = "set the password of replication", .log = SERVER_LOG },
	{ "passwd.standby", "standby", .after = "passwd.replication", .arg = T "standby.init.sh", .timeout_s = 120, .exists = "@{dir}/PG_VERSION",
	  .title = "write the standby's password" },
	{ "passwd.users", "primary", .after = "passwd.superuser", .arg = T "users.sh", .timeout_s = 300,
	  .title = "set the passwords of the database users", .log = SERVER_LOG, .for_users = true },
	{ "passwd.pool_write", "pgpool", .arg = P "init.sh", .title = "write the passwords for pgpool-II" },
	{ "passwd.pool", "pgpool", .after = ".passwd.pool_write passwd.superuser", .arg = P "start.sh", .timeout_s = 120,
	  .title = "reload pgpool-II", .log = POOL_LOG },
	{ "passwd.attach", "pgpool", .after = "passwd.pool", .arg = P "attach.sh", .timeout_s = 120,
	  .title = "check the backends of pgpool-II", .log = POOL_LOG },
	{ "passwd.login", "primary", .after = "passwd.users", .arg = T "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in", .log = SERVER_LOG, .for_users = true },
	{ "passwd.pool_login", "pgpool", .after = "passwd.login passwd.attach", .arg = T "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in through pgpool-II", .log = POOL_LOG, .for_users = true },
	{ 0 },
};

static const struct rule repack_rules[] = {
	{ "db.repack", "primary", .arg = T "repack.sh", .timeout_s = 86400, .title = "repack" },
	{ 0 },
};

static const struct task tasks[] = {
	{ "repack", repack_rules, RECORD_NOTHING },
	{ "user-create", user_create_rules, RECORD_FIRST },
	{ "user-drop", user_drop_rules, RECORD_LAST },
	{ "create", create_rules, RECORD_NOTHING },
	{ "create-from", create_from_rules, RECORD_NOTHING },
	{ "drop", drop_rules, RECORD_NOTHING },
	{ "update-extensions", extension_rules, RECORD_NOTHING },
	{ "passwd", passwd_rules, RECORD_PASSWORDS },
	{ 0 },
};

static const struct query queries[] = {
	{ "databases", "primary", T "db_databases.sql" },
	{ "databases", "standby", T "db_databases.sql" },
	{ "tables", "primary", T "db_tables.sql" },
	{ "users", "primary", T "db_users.sql" },
	{ "sessions", "primary", T "db_sessions.sql" },
	{ "sessions", "standby", T "db_sessions.sql" },
	{ "kill", "primary", T "db_kill.sql" },
	{ "kill", "standby", T "db_kill.sql" },
	{ "blocked", "primary", T "db_blocked.sql" },
	{ "blocked", "standby", T "db_blocked.sql" },
	{ "figures", "primary", T "status_figures.sql" },
	{ "figures", "standby", T "status_data.sql" },
	{ "nodes", "primary", T "db_nodes.sql" },
	{ "prepared", "primary", T "status_prepared.sql" },
	{ 0 },
};

static const struct role_link links[] = {
	{ "standby", "primary", LINK_ALL, "streaming replication" },
	{ "pgpool", "primary", LINK_ALL, "sessions of clients, writes" },
	{ "pgpool", "standby", LINK_ALL, "reads" },
	{ 0 },
};

static const struct role_log logs[] = {
	{ "primary", SERVER_LOG },
	{ "standby", SERVER_LOG },
	{ "pgpool", POOL_LOG },
	{ 0 },
};

static const char *const secrets[] = { "postgres", "replication", "pcp", NULL };

const struct recipe recipe_postgres = {
	.kind = "postgres",
	.title = "PostgreSQL of the distribution: a primary and streaming standbys",
	.user = "postgres",
	.prefix = "/usr/lib/postgresql/VERSION",
	.psql_role = "primary",
	.database = "postgres",
	.superuser = "postgres",
	.roles = roles,
	.placements = placements,
	.rules = rules,
	.stops = stop_rules,
	.changes = change_rules,
	.status = status_rules,
	.members = members,
	.grows = "standby",
	.takeover = &takeover,
	.links = links,
	.logs = logs,
	.backends = "primary standby",
	.templates = templates,
	.tasks = tasks,
	.queries = queries,
	.rows = "tuning/postgres/rows.sql",
	.secrets = secrets,
};
