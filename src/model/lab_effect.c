/* SPDX-License-Identifier: PostgreSQL */
/* What happens when a key of the lab file changes in a lab that exists. */
#include <stdlib.h>
#include <string.h>

#include "lab_change.h"
#include "recipe.h"

#define THEN_CPUS "bootstrap: settings that depend on it"
#define THEN_MEMORY "bootstrap: servers restart, because their memory settings depend on it"

#define ROW(key_, effect_, ...) { .key = key_, .effect = effect_, __VA_ARGS__ }
#define REFUSED(key_, why) { .key = key_, .effect = EFFECT_REFUSED, .text = why }

const struct effect_row effect_rows[] = {
	REFUSED("hypervisor", "the nodes exist under it"),
	REFUSED("image*", "the disks of the nodes are layers on it"),
	ROW("autostart", EFFECT_NODE),
	ROW("ttl", EFFECT_NODE),
	REFUSED("network.*", "addresses and names are in every node and in the databases' lists of servers"),
	ROW("defaults.cpus", EFFECT_MACHINE, .then = THEN_CPUS),
	ROW("defaults.memory", EFFECT_MACHINE, .then = THEN_MEMORY),
	REFUSED("defaults.disk", "the disks exist, with file systems on them"),
	ROW("defaults.cpu_quota", EFFECT_NODE),
	ROW("nodes[*].cpus", EFFECT_MACHINE, .then = THEN_CPUS),
	ROW("nodes[*].memory", EFFECT_MACHINE, .then = THEN_MEMORY),
	REFUSED("nodes[*].disk", "the disks exist, with file systems on them"),
	ROW("nodes", EFFECT_NODE, .then = "bootstrap: servers on them"),
	REFUSED("nodes[*].host", "the machine and its data are there, and labctl moves none to another host"),
	REFUSED("nodes*", "the nodes exist, with these names and addresses"),
	ROW("hosts[*].ssh", EFFECT_NODE), /* how a host is reached, not which one it is */
	ROW("hosts[*].cpus", EFFECT_NODE),
	ROW("hosts[*].memory", EFFECT_NODE),
	ROW("hosts", EFFECT_NODE), /* which ones: lab_changes() refuses what is not possible */
	ROW("hosts[*].given_up", EFFECT_RECORD),
	REFUSED("hosts*", "the network between the hosts has these addresses"),
	ROW("placement", EFFECT_NODE), /* of the nodes that come */
	REFUSED("data.*", "the nodes have their data there, mounted in this way"),
	ROW("tuning.profile", EFFECT_NODE, .then = "bootstrap: limits of Postgres-XC depend on it", .never = "classic-el5"),
	ROW("tuning.timezone", EFFECT_NODE, .then = "bootstrap: servers with their own time zone reload"),
	ROW("tuning.locale", EFFECT_NODE),
	ROW("tuning.ntp_server", EFFECT_NODE),
	REFUSED("cluster.kind", "the servers have their data, in the form of this kind"),
	ROW("cluster.source.*", EFFECT_SOFTWARE),
	REFUSED("cluster.prefix", "the software is installed there"),
	REFUSED("cluster.user", "the data belong to that user"),
	REFUSED("cluster.address", "the databases' lists of servers have these addresses"),
	ROW("cluster.restart", EFFECT_SERVER),
	ROW("cluster.promoted", EFFECT_RECORD),
	ROW("cluster.settings.*", EFFECT_SETTING),
	ROW("cluster.users[*", EFFECT_SERVER), /* a user that the file does not name stays: lab_keep() */
	ROW("cluster.groups[*", EFFECT_SERVER, .kept = true),
	REFUSED("cluster.*.on", "the servers and their data are on these nodes"),
	ROW("cluster.*.port", EFFECT_RESTART),
	REFUSED("cluster.*.dir", "the data are there"),
	REFUSED("cluster.*.numbers", "catalogs and replication slots have names with these numbers"),
	REFUSED("cluster.*.name", "catalogs and replication slots have this name"),
	ROW("sources.*", EFFECT_SOFTWARE),
	{ 0 },
};

/* '*' in @pattern is any text. */
static bool matches(const char *pattern, const char *key)
{
	for (; *pattern && *pattern != '*'; pattern++, key++)
		if (*pattern != *key)
			return false;
	if (!*pattern)
		return !*key;
	do {
		if (matches(pattern + 1, key))
			return true;
	} while (*key++);
	return false;
}

const struct effect_row *effect_row(const char *key)
{
	for (const struct effect_row *r = effect_rows; r->key; r++)
		if (matches(r->key, key))
			return r;
	return NULL;
}

/*
 * Settings of PostgreSQL 15 to 17 and Citus that take effect at a start only (context "postmaster" in pg_settings, which
 * e2e/lxc_pgpool and, for those of Citus, e2e/lxc_citus_nodes compare with this list). Sorted.
 */
static const char *const postmaster[] = {
	"archive_mode", "autovacuum_freeze_max_age", "autovacuum_max_workers", "autovacuum_multixact_freeze_max_age", "bonjour",
	"bonjour_name", "citus.max_worker_nodes_tracked", "citus.stat_statements_max", "citus.stat_tenants_limit", "cluster_name", "commit_timestamp_buffers", "config_file",
	"data_directory", "data_sync_retry", "debug_io_direct", "dynamic_shared_memory_type", "event_source", "external_pid_file",
	"hba_file", "hot_standby", "huge_page_size", "huge_pages", "ident_file", "ignore_invalid_pages", "jit_provider",
	"listen_addresses", "logging_collector", "max_connections", "max_files_per_process", "max_locks_per_transaction",
	"max_logical_replication_workers", "max_notify_queue_pages", "max_pred_locks_per_transaction", "max_prepared_transactions",
	"max_replication_slots", "max_wal_senders", "max_worker_processes", "min_dynamic_shared_memory", "multixact_member_buffers",
	"multixact_offset_buffers", "notify_buffers", "old_snapshot_threshold", "port", "recovery_target", "recovery_target_action",
	"recovery_target_inclusive", "recovery_target_lsn", "recovery_target_name", "recovery_target_time",
	"recovery_target_timeline", "recovery_target_xid", "reserved_connections", "serializable_buffers", "shared_buffers",
	"shared_memory_type", "shared_preload_libraries", "subtransaction_buffers", "superuser_reserved_connections",
	"track_activity_query_size", "track_commit_timestamp", "transaction_buffers", "unix_socket_directories", "unix_socket_group",
	"unix_socket_permissions", "wal_buffers", "wal_decode_buffer_size", "wal_level", "wal_log_hints",
};

const char *const *settings_of_a_start(unsigned *ret_count)
{
	*ret_count = ARRAY_COUNT(postmaster);
	return postmaster;
}

static int by_name(const void *name, const void *entry)
{
	return strcmp(name, *(const char *const *)entry);
}

/* "cluster.settings.primary.work_mem" */
static const char *setting_how(const struct lab *lab, const char *key)
{
	const char *role = key + strlen("cluster.settings."), *name = strchr(role, '.');
	const struct role *r = lab->cluster.recipe->roles;

	while (r->name && (strncmp(r->name, role, strlen(r->name)) != 0 || role[strlen(r->name)] != '.'))
		r++;
	if (!name || !r->name || !r->reloads)
		return "bootstrap: its servers restart";
	if (bsearch(name + 1, postmaster, ARRAY_COUNT(postmaster), sizeof *postmaster, by_name))
		return "bootstrap: its servers restart";
	return strchr(name + 1, '.') ? "bootstrap: its servers reload, or restart if the extension needs it" : "bootstrap: its servers reload";
}

/* Without what follows in the servers. */
static const char *effect_alone(const struct effect_row *r, const struct lab *lab, const char *key)
{
	switch (r ? r->effect : EFFECT_REFUSED) {
	case EFFECT_REFUSED: return r && r->text ? r->text : "labctl cannot change it";
	case EFFECT_NODE: return "create: at once";
	case EFFECT_MACHINE: return lab->hypervisor == HYPERVISOR_LXC ? "create: at once" : "create: when the node restarts";
	case EFFECT_SERVER: return "bootstrap: at once";
	case EFFECT_SETTING: return setting_how(lab, key);
	case EFFECT_RESTART: return "bootstrap: its servers restart, and the others follow";
	case EFFECT_SOFTWARE: return "bootstrap: the software is installed anew, and servers restart";
	case EFFECT_RECORD: break;
	}
	return "the record decides";
}

const char *effect_text(const struct effect_row *r, const struct lab *lab, const char *key)
{
	const char *alone = effect_alone(r, lab, key);

	return r && r->then && lab->cluster.recipe ? arena_printf(lab->arena, "%s; %s", alone, r->then) : alone;
}
