/* SPDX-License-Identifier: PostgreSQL */
/*
 * The snapshots of a lab: STATE/labs/NAME/snapshots/SNAPSHOT/{manifest.json,record/,nodes/NODE,data/NODE}, of a live one also
 * memory/NODE and pins/NODE (docs/format/snapshot.md).
 * One that is being made is .SNAPSHOT.new, one that is being deleted .SNAPSHOT.gone. A snapshot is only read once it has its
 * name. Whoever changes them holds the lab's lock. First test to read: tests/exec/test_snapshots.c.
 */
#ifndef LABCTL_EXEC_SNAPSHOTS_H
#define LABCTL_EXEC_SNAPSHOTS_H

#include "lab.h"
#include "paths.h"
#include "strbuf.h"
#include "tree.h"

#define SNAPSHOT_VERSION 1

struct snapshot_directory { const char *path, *handle; }; /* in the node; what an NFS client knows it by */

struct snapshot_node {
	const char *name;
	struct tree_sum system;  /* the node's disk, or the overlay of a container */
	struct tree_sum data;    /* its data directory */
	struct tree_sum memory;  /* live only: what was in the memory of the machine */
	struct snapshot_directory *directories; unsigned directory_count; /* live only: its data directory, and where its servers work */
};

struct snapshot {
	const char *name;
	const char *damaged;     /* why it cannot be restored; NULL = nothing is known. The rest is then empty */
	const char *lab, *lab_uuid, *hypervisor, *kind, *image, *image_digest, *labctl; /* .kind "" = no cluster */
	bool live;               /* the machines ran: it has their memory */
	int64_t created_ms;      /* since the epoch */
	int64_t pause_ms;        /* live: how long clients waited; 0 = not known */
	uint64_t bytes;
	struct tree_sum record;  /* lab.yaml, passwords, whether there is a cluster */
	struct snapshot_node *nodes; unsigned node_count;
};

/* What is wrong with the name of a snapshot ("must ..."); NULL = fine. */
const char *snapshot_form_name(const char *name);
const char *snapshots_dir(const struct paths *p, struct arena *a);
/* STATE/labs/NAME/snapshots/SNAPSHOT[/@file] */
const char *snapshot_path(const struct paths *p, const char *name, const char *file, struct arena *a);
/* The same while it is made. */
const char *snapshot_new_path(const struct paths *p, const char *name, const char *file, struct arena *a);
bool snapshot_exists(const struct paths *p, const char *name);

/* All, the oldest first; damaged ones too. */
int snapshots_list(const struct paths *p, struct arena *a, struct snapshot **ret, unsigned *ret_count, struct fail *e);
/* FAIL_NOT_FOUND with the nearest name; FAIL_LAB if it is damaged. */
int snapshot_read(const struct paths *p, const char *name, struct arena *a, struct snapshot *ret, struct fail *e);
/* What a manifest says; sets .damaged if it makes no sense. */
void snapshot_parse(const char *name, const char *manifest, struct arena *a, struct snapshot *ret);
int snapshot_manifest(const struct paths *p, const char *name, struct strbuf *out, struct fail *e);
const struct snapshot_node *snapshot_node_of(const struct snapshot *s, const char *name); /* NULL = it has none of that name */
/* Half-made and half-deleted ones: paths, NULL-terminated. Not one that has the memory of machines that wait for it. */
const char *const *snapshots_left(const struct paths *p, struct arena *a);

/*
 * Making one: begin (or begin anew), a sum for each node, seal. snapshot_seal() reads the sums, writes the manifest and gives
 * the snapshot its name; it exists then, also after a crash of the host. On another @host than the first that is the part of its own
 * nodes, without the lab's record.
 */
int snapshot_begin(const struct paths *p, const char *name, struct fail *e);
int snapshot_put_node(const struct paths *p, const char *snapshot, const struct snapshot_node *n, struct fail *e);
int snapshot_seal(const struct paths *p, const struct lab *lab, unsigned host, const char *name, const char *version, int64_t now_ms,
		  struct fail *e);
/* Notes how long clients waited for the snapshot that is being made. */
int snapshot_put_pause(const struct paths *p, const char *name, int64_t pause_ms, struct fail *e);
int snapshot_remove(const struct paths *p, const char *name, struct fail *e);

/*
 * snapshot_room.c. Is there room on this host, @host of the lab, for what a save copies of its nodes; for what a restore, or a new lab
 * @lab at @p, copies of @s at @from? @said gets what is needed, a line per file system. FAIL_HOST if it is short.
 */
int snapshot_room_to_save(const struct paths *p, const struct lab *lab, unsigned host, bool live, struct strbuf *said, struct fail *e);
int snapshot_room_to_copy(const struct paths *from, const struct snapshot *s, const struct paths *p, const struct lab *lab,
			  unsigned host, struct strbuf *said, struct fail *e);

/* FAIL_CONFLICT if a server of a node on this host, @host of the lab, was replaced by another and has not rejoined. */
int snapshot_check_joined(const struct lab *lab, unsigned host, struct fail *e);

/*
 * snapshot_parts.c, for labs on several hosts. The names of those that there are, one a line; what other hosts remove all others by, and
 * what is half made. snapshot_gather(): takes the sums of nodes on other hosts, whose parts are sealed, for the manifest here.
 */
struct runtime;
int snapshots_names(const struct paths *p, struct strbuf *out, struct fail *e);
int snapshots_keep(const struct paths *p, const char *names, struct fail *e);
int snapshots_sweep(const struct paths *p, struct fail *e); /* only what is half made */
int snapshot_gather(struct runtime *rt, const char *name, struct fail *e);

/* "LAB@SNAPSHOT": the paths of that lab and the name, in @a. FAIL_USAGE. */
int snapshot_of(const char *word, const struct paths *here, struct arena *a, struct paths *ret_paths, const char **ret_name,
		struct fail *e);
/* Copies the record of a snapshot of @from over that of @p: passwords, whether there is a cluster, its warnings. Not lab.yaml. */
int snapshot_restore_record(const struct paths *from, const char *name, const struct paths *p, struct fail *e);

/* snapshot_directories.c. Sets .directories to those that the node has now. */
void snapshot_directories(const struct lab *lab, const struct node *n, struct arena *a, struct snapshot_node *ret);
/* "/data/pgsql of node2": one of these directories of @s that was replaced since by another; NULL = none. @lab is that of @s. */
const char *snapshot_replaced(const struct lab *lab, const struct snapshot *s, struct arena *a);

/*
 * What is going on, a file in the record that outlives a kill: "saving" names the snapshot whose `save` has stopped the lab,
 * "freezing" the one whose `save` has paused machines or written their memory to files: until they go on, nothing else may touch them,
 * "restoring" the one whose `restore` has replaced a part of the nodes, "cloning" the one ("LAB@SNAPSHOT") of which `create --from` has
 * not copied all nodes. "from" says of which one the lab was made. @name NULL = nothing any more.
 */
int snapshot_put_mark(const struct paths *p, const char *mark, const char *name, struct fail *e);
/* "" = nothing. */
int snapshot_mark(const struct paths *p, const char *mark, struct strbuf *out, struct fail *e);
/* For how long there has been this mark; -1 = there is none. */
int64_t snapshot_mark_age_ms(const struct paths *p, const char *mark);
#define SNAPSHOT_SAVING "saving"
#define SNAPSHOT_FREEZING "freezing"
#define SNAPSHOT_RESTORING "restoring"
#define SNAPSHOT_CLONING "cloning"
#define SNAPSHOT_FROM "from"

#endif
