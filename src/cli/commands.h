/* SPDX-License-Identifier: PostgreSQL */
/*
 * The command tree, in the order of `labctl help`: a row NAME here is `const struct command cmd_NAME` in a file of
 * src/cli/commands. Actions have lists of their own: COMMANDS_DB has the actions of `labctl db`.
 */
#ifndef LABCTL_CLI_COMMANDS_H
#define LABCTL_CLI_COMMANDS_H

#define COMMANDS(ROW) \
	ROW(create) \
	ROW(bootstrap) \
	ROW(start) \
	ROW(stop) \
	ROW(restart) \
	ROW(autostart) \
	ROW(switchover) \
	ROW(failover) \
	ROW(rejoin) \
	ROW(node) \
	ROW(fault) \
	ROW(snapshot) \
	ROW(destroy) \
	ROW(protect) \
	ROW(unprotect) \
	ROW(extend) \
	ROW(gc) \
	ROW(plan) \
	ROW(render) \
	ROW(status) \
	ROW(top) \
	ROW(list) \
	ROW(logs) \
	ROW(audit) \
	ROW(collect) \
	ROW(wait) \
	ROW(ssh) \
	ROW(console) \
	ROW(exec) \
	ROW(cp) \
	ROW(psql) \
	ROW(env) \
	ROW(inventory) \
	ROW(graph) \
	ROW(passwd) \
	ROW(db) \
	ROW(bench) \
	ROW(doctor) \
	ROW(host) \
	ROW(config) \
	ROW(image) \
	ROW(completion) \
	ROW(version) \
	ROW(help) \
	ROW(manual) \
	ROW(host_run) \
	ROW(complete)

#define COMMANDS_NODE(ROW) \
	ROW(node_add) \
	ROW(node_remove)

#define COMMANDS_HOST(ROW) \
	ROW(host_list) \
	ROW(host_check) \
	ROW(host_add) \
	ROW(host_remove) \
	ROW(host_give_up)

#define COMMANDS_FAULT(ROW) \
	ROW(fault_inject) \
	ROW(fault_list) \
	ROW(fault_heal) \
	ROW(fault_run)

#define COMMANDS_SNAPSHOT(ROW) \
	ROW(snapshot_save) \
	ROW(snapshot_list) \
	ROW(snapshot_show) \
	ROW(snapshot_restore) \
	ROW(snapshot_delete)

#define COMMANDS_PLAN(ROW) \
	ROW(plan_create) \
	ROW(plan_bootstrap) \
	ROW(plan_destroy)

#define COMMANDS_DB(ROW) \
	ROW(db_create) \
	ROW(db_drop) \
	ROW(db_update_extensions) \
	ROW(db_list) \
	ROW(db_tables) \
	ROW(db_nodes) \
	ROW(db_shards) \
	ROW(db_distribute) \
	ROW(db_rebalance) \
	ROW(db_repack) \
	ROW(db_sessions) \
	ROW(db_kill) \
	ROW(db_user)

#define COMMANDS_DB_USER(ROW) \
	ROW(db_user_create) \
	ROW(db_user_drop) \
	ROW(db_user_password) \
	ROW(db_user_list)

#define COMMANDS_BENCH(ROW) \
	ROW(bench_run) \
	ROW(bench_ab) \
	ROW(bench_scale) \
	ROW(bench_systems) \
	ROW(bench_report) \
	ROW(bench_compare)

#define COMMANDS_IMAGE(ROW) \
	ROW(image_list) \
	ROW(image_show) \
	ROW(image_build) \
	ROW(image_install) \
	ROW(image_import) \
	ROW(image_rm) \
	ROW(image_gc)

#endif
