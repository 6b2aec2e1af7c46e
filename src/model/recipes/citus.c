/* SPDX-License-Identifier: PostgreSQL */
/*
 * Citus on the distribution's PostgreSQL: a coordinator, workers, pgpool-II in front. The second walk-through builds the
 * same with Docker Swarm; docs/howto/citus.md compares them.
 */
#include "recipe.h"

static const struct role roles[] = {
	{ "coordinator", .min = 1, .max = 1, .port = 5432, .dir = "citus", .node_name = "coordinator", .sql = true, .reloads = true },
	{ "worker", .min = 0, .max = RECIPE_MANY, .port = 5432, .dir = "citus", .node_name = "worker_@{index}", .sql = true,
	  .reloads = true },
	{ "pgpool", .min = 0, .max = 1, .port = 9999, .dir = "pgpool", .node_name = "pgpool", .sql = true },
	/* Runs the programs of `labctl bench`; only where the lab file places it. */
	{ "client", .min = 0, .max = RECIPE_MANY, .node_name = "client_@{index}" },
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

#define T "tuning/citus/"
#define S "tuning/postgres/"
#define P "tuning/pgpool/"
/* The servers and pgpool of a node share these files. */
#define HOME "/var/lib/postgresql/"
#define CONF                                                                                           \
	T "postgresql.conf=@{dir}/postgresql.conf:0600 " T "pg_hba.conf=@{dir}/pg_hba.conf:0600 "      \
	S "pg_ident.conf=@{dir}/pg_ident.conf:0600 " S "profile.sh=" HOME ".bash_profile:0644 "        \
	T "pgpass=" HOME ".pgpass:0600"
#define POOL_CONF                                                                                      \
	P "pgpool.conf=@{dir}/pgpool.conf:0600 " P "pool_hba.conf=@{dir}/pool_hba.conf:0600"
#define INIT_LOG "/run/labctl/@{nodename}.init"
#define SERVER_LOG "@{dir}/log/postgresql.log"
#define POOL_LOG "@{dir}/log/pgpool.log"

static const struct rule software[] = {
	{ "coordinator.software", "coordinator", .arg = T "software.sh", .title = "check for Citus" },
	{ "worker.software", "worker", .arg = T "software.sh", .title = "check for Citus" },
	{ 0 },
};

static const struct rule rules[] = {
	{ "coordinator.init", "coordinator", .arg = S "server.init.sh",
	  .timeout_s = 300, .title = "initdb of the coordinator", .log = INIT_LOG, .use = USE_MAKE },
	{ "worker.init", "worker", .arg = S "server.init.sh",
	  .timeout_s = 300, .title = "initdb of the worker", .log = INIT_LOG, .use = USE_MAKE },
	{ "coordinator.start", "coordinator", .after = ".coordinator.init", .arg = S "start.sh", .files = CONF,
	  .timeout_s = 300, .title = "start the coordinator", .log = SERVER_LOG, .use = USE_SERVER },
	{ "worker.start", "worker", .after = ".worker.init", .arg = S "start.sh", .files = CONF,
	  .timeout_s = 300, .title = "start the worker", .log = SERVER_LOG, .use = USE_SERVER },
	{ "coordinator.superuser", "coordinator", .after = ".coordinator.start", .arg = S "superuser.sh",
	  .title = "set the superuser's password", .log = SERVER_LOG },
	{ "worker.superuser", "worker", .after = ".worker.start", .arg = S "superuser.sh",
	  .title = "set the superuser's password", .log = SERVER_LOG },

	/* On every node: Citus does not create databases on other nodes, nor extensions on a node that is not registered. */
	{ "coordinator.templates", "coordinator", .after = ".coordinator.superuser", .arg = S "templates.sh",
	  .timeout_s = 300, .title = "create the template databases", .log = SERVER_LOG },
	{ "worker.templates", "worker", .after = ".worker.superuser", .arg = S "templates.sh",
	  .timeout_s = 300, .title = "create the template databases", .log = SERVER_LOG },
	{ "coordinator.default", "coordinator", .after = ".coordinator.templates", .arg = T "default.sh",
	  .timeout_s = 300, .title = "copy a template to the database postgres", .log = SERVER_LOG },
	{ "coordinator.extensions", "coordinator", .after = ".coordinator.default", .verb = RULE_SQL,
	  .arg = T "extensions.sql", .timeout_s = 300, .title = "create the extensions", .log = SERVER_LOG },
	{ "worker.default", "worker", .after = ".worker.templates", .arg = T "default.sh",
	  .timeout_s = 300, .title = "copy a template to the database postgres", .log = SERVER_LOG },
	{ "worker.extensions", "worker", .after = ".worker.default", .verb = RULE_SQL,
	  .arg = T "extensions.sql", .timeout_s = 300, .title = "create the extensions", .log = SERVER_LOG },
	{ "coordinator.users", "coordinator", .after = ".coordinator.default", .arg = S "users.sh", .timeout_s = 300,
	  .title = "create the database users", .log = SERVER_LOG, .for_users = true },
	{ "worker.databases", "worker", .after = ".worker.extensions coordinator.default", .arg = T "databases.sh", .timeout_s = 300,
	  .title = "create the databases that the coordinator has", .log = SERVER_LOG },
	{ "worker.users", "worker", .after = ".worker.databases", .arg = S "users.sh", .timeout_s = 300,
	  .title = "create the database users", .log = SERVER_LOG, .for_users = true },
	{ "register", "coordinator", .after = "coordinator.extensions worker.extensions", .verb = RULE_SQL,
	  .arg = T "register.sql", .timeout_s = 300, .title = "register the workers", .log = SERVER_LOG },
	{ "register.all", "coordinator", .after = "register worker.databases", .arg = T "register_all.sh", .timeout_s = 600,
	  .title = "register the workers in other databases", .log = SERVER_LOG },

	{ "pgpool.init", "pgpool", .arg = P "init.sh", .title = "create the directory of pgpool-II", .use = USE_SERVER },
	{ "pgpool.start", "pgpool", .after = ".pgpool.init coordinator.default", .arg = P "start.sh", .files = POOL_CONF,
	  .timeout_s = 120, .title = "start pgpool-II", .log = POOL_LOG, .use = USE_SERVER },
	{ "pgpool.attach", "pgpool", .after = "pgpool.start", .arg = P "attach.sh", .timeout_s = 120,
	  .title = "check the backends of pgpool-II", .log = POOL_LOG, .use = USE_SERVER },

	{ "users.login", "coordinator", .after = "register coordinator.users worker.users", .arg = S "users_login.sh",
	  .timeout_s = 120, .title = "check that users can log in", .log = SERVER_LOG, .for_users = true },
	{ "users.pool_login", "pgpool", .after = "users.login pgpool.attach", .arg = S "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in through pgpool-II", .log = POOL_LOG, .for_users = true },

	{ "smoke.write", "coordinator", .after = "register.all pgpool.attach", .verb = RULE_SQL, .arg = T "smoke_write.sql",
	  .timeout_s = 120, .title = "smoke test: write", .log = SERVER_LOG, .whole = true },
	{ "smoke.worker", "worker", .after = "smoke.write", .verb = RULE_SQL, .arg = T "smoke_read.sql", .timeout_s = 120,
	  .title = "smoke test: read", .log = SERVER_LOG, .whole = true },
	{ "smoke.pgpool", "pgpool", .after = "smoke.write", .verb = RULE_SQL, .arg = T "smoke_read.sql", .timeout_s = 120,
	  .title = "smoke test: read through pgpool-II", .log = POOL_LOG, .whole = true },
	{ "smoke.drop", "coordinator", .after = "smoke.write smoke.worker smoke.pgpool", .verb = RULE_SQL,
	  .arg = T "smoke_drop.sql", .timeout_s = 120, .title = "smoke test: drop the table", .log = SERVER_LOG, .whole = true },
	{ "coordinator.health", "coordinator", .after = "smoke.drop", .verb = RULE_SQL, .arg = T "health.sql",
	  .title = "check that every node reaches every other node", .log = SERVER_LOG, .whole = true },
	{ 0 },
};

#define WORKER_UNREGISTER(before)                                                                      \
	{ "worker.unregister", "coordinator", .after = before, .arg = T "unregister.sh", .timeout_s = 300, \
	  .title = "take it out of the list of nodes of every database", .log = SERVER_LOG }

static const struct rule worker_leave_rules[] = {
	{ "worker.drain", "coordinator", .arg = T "moves.sh", .timeout_s = 86400, .title = "move its shards to the other workers",
	  .log = SERVER_LOG },
	WORKER_UNREGISTER("worker.drain"),
	{ 0 },
};

static const struct rule worker_lose_rules[] = {
	{ "worker.give_up", "coordinator", .arg = T "give_up.sh", .timeout_s = 600, .title = "make empty shards in place of those that are lost",
	  .log = SERVER_LOG },
	WORKER_UNREGISTER("worker.give_up"),
	{ 0 },
};

static const struct member members[] = {
	{ .role = "coordinator", .stays = "it has the coordinator, which alone knows where the rows are",
	  .down = "tables that are not distributed, and definitions, wait for it; distributed tables can be read and written through a worker, "
		  "reference tables read" },
	{ .role = "worker", .last = "its shards would have no other node",
	  .leave = worker_leave_rules, .lose = worker_lose_rules,
	  .asked = "coordinator", .only = T "lost.sql", .own = T "own.sql", .where = "select 1 from pg_extension where extname = 'citus'",
	  .down = "Other shards can be read and written, and reference tables read; writes to reference tables, and changes of definitions, "
		  "wait for it" },
	{ .role = "pgpool" },
	{ .role = "client" },
	{ 0 },
};

static const struct rule rebalance_rules[] = {
	{ "rebalance", "coordinator", .arg = T "moves.sh", .timeout_s = 86400, .title = "move shards, so that each worker has its share",
	  .log = SERVER_LOG },
	{ 0 },
};

static const struct rule stop_rules[] = {
	{ "pgpool.stop", "pgpool", .arg = P "stop.sh", .title = "stop pgpool-II", .log = POOL_LOG },
	{ "coordinator.stop", "coordinator", .after = "pgpool.stop", .arg = S "stop.sh", .timeout_s = 120,
	  .title = "stop the coordinator", .log = SERVER_LOG },
	{ "worker.stop", "worker", .after = "coordinator.stop", .arg = S "stop.sh", .timeout_s = 120, .title = "stop the worker",
	  .log = SERVER_LOG },
	{ 0 },
};

/* Workers one after the other, then the coordinator, then what every database knows of their ports. */
static const struct rule change_rules[] = {
	{ "worker.apply", "worker", .arg = S "start.sh", .files = CONF, .exists = "@{dir}/PG_VERSION", .timeout_s = 300,
	  .title = "apply changes to the worker", .log = SERVER_LOG, .in_turn = true },
	{ "coordinator.apply", "coordinator", .after = "worker.apply", .arg = S "start.sh", .files = CONF, .exists = "@{dir}/PG_VERSION",
	  .timeout_s = 300, .title = "apply changes to the coordinator", .log = SERVER_LOG },
	{ "coordinator.ports", "coordinator", .after = "coordinator.apply", .arg = T "ports.sh", .exists = "@{dir}/PG_VERSION",
	  .timeout_s = 300, .title = "tell every database the ports of the nodes", .log = SERVER_LOG },
	{ 0 },
};

static const struct database_template templates[] = {
	{ "citus", "template_citus", "citus" },
	{ "postgis", "template_postgis",
	  "postgis postgis_topology fuzzystrmatch postgis_tiger_geocoder pg_repack hstore citus" },
	{ 0 },
};

/* On every node, since Citus does not create databases there; then the nodes are registered in the new database. */
#define ON_EACH(word, before, what, ...)                                       \
	{ "db." word, "coordinator", .after = before, .title = what, __VA_ARGS__ }, \
	{ "db.worker_" word, "worker", .after = before, .title = what, __VA_ARGS__ }

static const struct rule create_rules[] = {
	ON_EACH("free", NULL, "check for open sessions in the template", .verb = RULE_SQL, .arg = S "db_free.sql",
		.timeout_s = 20),
	ON_EACH("existing", "db.free db.worker_free", "check an existing database", .arg = S "db_existing.sh", .timeout_s = 300),
	ON_EACH("template", "db.existing db.worker_existing", "create the template databases", .arg = S "templates.sh", .timeout_s = 300),
	ON_EACH("create", "db.template db.worker_template", "create the database", .verb = RULE_SQL, .arg = S "db_create.sql",
		.timeout_s = 300),
	{ "db.register", "coordinator", .after = "db.create db.worker_create", .verb = RULE_SQL, .arg = T "register.sql",
	  .database = "@{db.name}", .timeout_s = 300, .title = "register the workers in the database", .log = SERVER_LOG },
	{ "db.users", "coordinator", .after = "db.create", .arg = S "users.sh", .timeout_s = 300,
	  .title = "create the database users", .log = SERVER_LOG, .for_users = true },
	{ "db.worker_users", "worker", .after = "db.worker_create", .arg = S "users.sh", .timeout_s = 300,
	  .title = "create the database users", .log = SERVER_LOG, .for_users = true },
	{ "db.health", "coordinator", .after = "db.register", .verb = RULE_SQL, .arg = T "health.sql",
	  .database = "@{db.name}", .title = "check that every node reaches every other node", .log = SERVER_LOG },
	{ 0 },
};

static const struct rule drop_rules[] = {
	ON_EACH("free", NULL, "check for open sessions in the database", .verb = RULE_SQL, .arg = S "db_free.sql",
		.timeout_s = 20),
	{ "db.drop", "coordinator", .after = "db.free db.worker_free", .verb = RULE_SQL, .arg = S "db_drop.sql",
	  .timeout_s = 300, .title = "drop the database" },
	{ "db.worker_drop", "worker", .after = "db.drop db.worker_free", .verb = RULE_SQL, .arg = S "db_drop.sql",
	  .timeout_s = 300, .title = "drop the database" },
	{ 0 },
};

static const struct rule extension_rules[] = {
	ON_EACH("extensions", NULL, "update extensions", .arg = S "db_extensions.sh", .timeout_s = 600),
	{ 0 },
};

#define USER_FILES T "pg_hba.conf=@{dir}/pg_hba.conf:0600 " T "pgpass=" HOME ".pgpass:0600"
/* Access rules of the servers and pgpool; pgpool is started if it is not running. */
#define USER_ACCESS(before, word)                                                                      \
	ON_EACH("access", before, "update the access rules", .arg = S "start.sh", .files = USER_FILES,     \
		.timeout_s = 300, .log = SERVER_LOG),                                                  \
	{ "db.pool_" word, "pgpool", .after = before, .arg = P word ".sh", .title = "write the passwords for pgpool-II" }, \
	{ "db.pool", "pgpool", .after = ".db.pool_" word " db.access", .arg = P "start.sh", .timeout_s = 120,  \
	  .title = "reload pgpool-II", .log = POOL_LOG }

static const struct rule user_create_rules[] = {
	USER_ACCESS(NULL, "init"),
	ON_EACH("users", "db.access db.worker_access", "create the database users", .arg = S "users.sh", .timeout_s = 300,
		.log = SERVER_LOG),
	{ "db.login", "coordinator", .after = "db.users db.worker_users", .arg = S "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in", .log = SERVER_LOG },
	{ "db.pool_login", "pgpool", .after = "db.login .db.pool", .arg = S "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in through pgpool-II", .log = POOL_LOG },
	{ 0 },
};

static const struct rule user_drop_rules[] = {
	ON_EACH("user_free", NULL, "revoke the user's privileges", .arg = S "user_free.sh", .timeout_s = 300),
	ON_EACH("user_drop", "db.user_free db.worker_user_free", "drop the role", .verb = RULE_SQL, .arg = S "user_drop.sql"),
	USER_ACCESS("db.user_drop db.worker_user_drop", "user_drop"),
	{ 0 },
};

/* Each script finds out whether a login works, so what was interrupted is completed by the next run, also of a bootstrap. */
static const struct rule passwd_rules[] = {
	{ "passwd.superuser", "coordinator", .arg = S "superuser.sh", .title = "set the superuser's password", .log = SERVER_LOG },
	{ "passwd.worker_superuser", "worker", .arg = S "superuser.sh", .title = "set the superuser's password", .log = SERVER_LOG },
	{ "passwd.nodes", "coordinator", .arg = S "start.sh", .files = USER_FILES, .timeout_s = 300,
	  .title = "write the passwords for other nodes", .log = SERVER_LOG },
	{ "passwd.worker_nodes", "worker", .arg = S "start.sh", .files = USER_FILES, .timeout_s = 300,
	  .title = "write the passwords for other nodes", .log = SERVER_LOG },
	{ "passwd.users", "coordinator", .after = ".passwd.superuser", .arg = S "users.sh", .timeout_s = 300,
	  .title = "set the passwords of the database users", .log = SERVER_LOG, .for_users = true },
	{ "passwd.worker_users", "worker", .after = ".passwd.worker_superuser", .arg = S "users.sh", .timeout_s = 300,
	  .title = "set the passwords of the database users", .log = SERVER_LOG, .for_users = true },
	{ "passwd.pool_write", "pgpool", .arg = P "init.sh", .title = "write the passwords for pgpool-II" },
	{ "passwd.pool", "pgpool", .after = ".passwd.pool_write passwd.superuser", .arg = P "start.sh", .timeout_s = 120,
	  .title = "reload pgpool-II", .log = POOL_LOG },
	{ "passwd.attach", "pgpool", .after = "passwd.pool", .arg = P "attach.sh", .timeout_s = 120,
	  .title = "check the backends of pgpool-II", .log = POOL_LOG },
	{ "passwd.health", "coordinator", .after = "passwd.superuser passwd.worker_superuser passwd.nodes passwd.worker_nodes",
	  .verb = RULE_SQL, .arg = T "health.sql", .title = "check that every node reaches every other node", .log = SERVER_LOG },
	{ "passwd.login", "coordinator", .after = "passwd.health passwd.users passwd.worker_users", .arg = S "users_login.sh",
	  .timeout_s = 120, .title = "check that users can log in", .log = SERVER_LOG, .for_users = true },
	{ "passwd.pool_login", "pgpool", .after = "passwd.login passwd.attach", .arg = S "users_login.sh", .timeout_s = 120,
	  .title = "check that users can log in through pgpool-II", .log = POOL_LOG, .for_users = true },
	{ 0 },
};

static const struct rule repack_rules[] = {
	ON_EACH("repack", NULL, "repack", .arg = S "repack.sh", .timeout_s = 86400),
	{ 0 },
};

static const struct task tasks[] = {
	{ "rebalance", rebalance_rules, RECORD_NOTHING },
	{ "repack", repack_rules, RECORD_NOTHING },
	{ "user-create", user_create_rules, RECORD_FIRST },
	{ "user-drop", user_drop_rules, RECORD_LAST },
	{ "create-from", create_rules, RECORD_NOTHING },
	{ "drop", drop_rules, RECORD_NOTHING },
	{ "update-extensions", extension_rules, RECORD_NOTHING },
	{ "passwd", passwd_rules, RECORD_PASSWORDS },
	{ 0 },
};

static const struct query queries[] = {
	{ "databases", "coordinator", S "db_databases.sql" },
	{ "databases", "worker", S "db_databases.sql" },
	{ "known", "coordinator", T "db_known.sql" },
	{ "tables", "coordinator", T "db_tables.sql" },
	{ "nodes", "coordinator", T "db_nodes.sql" },
	{ "shards", "coordinator", T "db_shards.sql" },
	{ "users", "coordinator", S "db_users.sql" },
	{ "sessions", "coordinator", S "db_sessions.sql" },
	{ "sessions", "worker", S "db_sessions.sql" },
	{ "kill", "coordinator", S "db_kill.sql" },
	{ "kill", "worker", S "db_kill.sql" },
	{ "figures", "coordinator", S "status_data.sql" },
	{ "figures", "worker", S "status_data.sql" },
	{ "blocked", "coordinator", S "db_blocked.sql" },
	{ "blocked", "worker", S "db_blocked.sql" },
	{ "prepared", "coordinator", S "status_prepared.sql" },
	{ "prepared", "worker", S "status_prepared.sql" },
	{ "distribute", "coordinator", T "db_distribute.sql" },
	{ "distribute_table", "coordinator", T "db_distribute_table.sql" },
	{ "reference_table", "coordinator", T "db_reference_table.sql" },
	{ "drop_triggers", "coordinator", T "db_drop_triggers.sql" },
	{ "truncate_local", "coordinator", T "db_truncate_local.sql" },
	{ 0 },
};

static const struct role_link links[] = {
	{ "pgpool", "coordinator", LINK_ALL, "sessions of clients" },
	{ "coordinator", "worker", LINK_ALL, "parts of each query, two-phase commit" },
	{ "worker", "worker", LINK_ALL, "rows for joins; queries that clients send to a worker" },
	{ "worker", "coordinator", LINK_ALL, "definitions (DDL) that clients send to a worker" },
	{ 0 },
};

static const struct role_log logs[] = {
	{ "coordinator", SERVER_LOG },
	{ "worker", SERVER_LOG },
	{ "pgpool", POOL_LOG },
	{ 0 },
};

static const char *const secrets[] = { "postgres", "pcp", NULL };

const struct recipe recipe_citus = {
	.kind = "citus",
	.title = "Citus on the distribution's PostgreSQL: a coordinator, workers, pgpool-II in front",
	.user = "postgres",
	.prefix = "/opt/citus",
	.build = "tuning/citus/build.sh",
	.fits = "tuning/citus/fits.sh",
	.source = "https://github.com/citusdata/citus/archive/v12.1.12/citus-12.1.12.tar.gz",
	.build_image = "build-citus",
	.build_prefix = "/opt/citus",
	.configure = "",
	.psql_role = "coordinator",
	.database = "postgres",
	.superuser = "postgres",
	.roles = roles,
	.placements = placements,
	.rules = rules,
	.no_takeover = "a Citus cluster has one copy of each shard, and no standby. What a server has can be used again when it runs",
	.stops = stop_rules,
	.changes = change_rules,
	.members = members,
	.grows = "worker",
	.image_file = "/usr/share/postgresql/*/extension/citus.control",
	.software = software,
	.links = links,
	.logs = logs,
	.backends = "coordinator",
	.templates = templates,
	.tasks = tasks,
	.queries = queries,
	.rows = "tuning/citus/rows.sql",
	.secrets = secrets,
};
