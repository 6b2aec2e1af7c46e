/* SPDX-License-Identifier: PostgreSQL */
/*
 * struct plan: a graph of steps; each has a verb, a node, a payload and what it waits for.
 * Pure function of lab, library and facts; const afterwards. The same input gives a
 * byte-identical plan. First test to read: tests/unit/test_plan.c.
 */
#ifndef LABCTL_PLAN_STEP_H
#define LABCTL_PLAN_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"
#include "lab.h"
#include "payload.h"

/* id, function verb_NAME() of src/exec/verbs, name, default timeout in seconds, enum step_needs, what it does */
#define VERBS(X)                                                                                                   \
	X(JOIN,           join,           "join",              1, 0, "nothing: joins many dependencies into one")  \
	X(LAB_PREPARE,    lab_prepare,    "lab.prepare",     120, 0, "keys, secrets and the record of the lab")    \
	X(LAB_RECORD,     lab_record,     "lab.record",       10, 0, "write the cluster into the lab's record")    \
	X(LAB_PASSWORDS,  lab_passwords,  "lab.passwords",    10, 0, "new passwords, in the lab's record")        \
	X(LAB_FILES,      lab_files,      "lab.files",        30, 0, "inventory files of the lab")                 \
	X(HOST_OPEN,      host_open,      "host.open",        60, 0, "connect to another host of the lab, give it the lab's record") \
	X(IMAGE_BUILD,    image_build,    "image.build",    1800, 0, "the image that nodes boot from")             \
	X(IMAGE_COPY,     image_copy,     "image.copy",     3600, 0, "give another host of the lab the image") \
	X(NET_CREATE,     net_create,     "net.create",      300, 0, "define and start the lab's network")         \
	X(DATA_CREATE,    data_create,    "data.create",      30, 2, "create the node's data directory")           \
	X(NFS_SERVE,      nfs_serve,      "nfs.serve",        60, 0, "export the data directories")                \
	X(NET_REACH,      net_reach,      "net.reach",        30, 0, "connect to the NFS server from the lab's bridge") \
	X(NODE_DISK,      node_disk,      "node.disk",       120, 2, "copy-on-write disk and seed")                \
	X(NODE_START,     node_start,     "node.start",      120, 2, "define and start the domain")                \
	X(NODE_READY,     node_ready,     "node.ready",      600, 1, "authenticated SSH with the pinned host key") \
	X(NODE_SCRIPT,    node_script,    "node.script",     300, 1, "run a script on the node")                   \
	X(NODE_SQL,       node_sql,       "node.sql",         60, 0, "run SQL against a database of the node")     \
	X(SOURCE_BUILD,   source_build,   "source.build",   3600, 0, "build the software once")                    \
	X(SOURCE_INSTALL, source_install, "source.install",  120, 1, "install the built software on the node")     \
	X(NODE_CHECK,     node_check,     "node.check",       10, 2, "check that the node's disk and data are there") \
	X(NODE_REACH,     node_reach,     "node.reach",       60, 1, "log in, to see whether the node answers")    \
	X(NODE_SHUTDOWN,  node_shutdown,  "node.shutdown",   100, 3, "shut the system down, wait until the domain is off") \
	X(NODE_OFF,       node_off,       "node.off",         60, 2, "power the domain off, as by pulling the plug") \
	X(NODE_PAUSE,     node_pause,     "node.pause",       30, 2, "pause the domain")                           \
	X(NODE_RESUME,    node_resume,    "node.resume",      30, 2, "resume the domain")                          \
	X(NODE_RESET,     node_reset,     "node.reset",       30, 2, "reset the domain, as by its button")         \
	X(NODE_UNPLUG,    node_unplug,    "node.unplug",      30, 2, "take the cable out of the domain's network interface") \
	X(NODE_PLUG,      node_plug,      "node.plug",        30, 2, "put it back")                                \
	X(NODE_QUOTA,     node_quota,     "node.quota",       30, 2, "give the domain the processor time that its faults leave it") \
	X(FAULT_FILTER,   fault_filter,   "fault.filter",     30, 0, "packet filter of the lab's faults")          \
	X(DATA_FILL,      data_fill,      "data.fill",        60, 0, "fill the file systems of data directories, or free them") \
	X(DATA_FENCE,     data_fence,     "data.fence",       30, 2, "keep a server whose machine is off from starting in its old role") \
	X(NODE_STOP,      node_stop,      "node.stop",        60, 2, "stop and undefine the domain")               \
	X(NODE_REMOVE,    node_remove,    "node.remove",      60, 2, "remove disk, overlay and seed")              \
	X(NODE_THAW,      node_thaw,      "node.thaw",      7200, 0, "let the domain continue from its saved memory, paused") \
	X(NFS_DRAIN,      nfs_drain,      "nfs.drain",        40, 0, "take no more requests to the NFS server, and wait for the answers of the others") \
	X(SNAPSHOT_FREEZE, snapshot_freeze, "snapshot.freeze",  10, 0, "note that the lab is about to stand still")  \
	X(SNAPSHOT_MEMORY, snapshot_memory, "snapshot.memory", 7200, 0, "write the memory of a paused domain into the snapshot") \
	X(SNAPSHOT_THAWED, snapshot_thawed, "snapshot.thawed",  10, 0, "note that the lab goes on, and how long it stood still") \
	X(SNAPSHOT_BEGIN, snapshot_begin, "snapshot.begin",  120, 0, "check that another host can save its part of a snapshot, and begin it") \
	X(SNAPSHOT_ROOM,  snapshot_room,  "snapshot.room",    60, 0, "check that another host has its part of a snapshot, and room for a copy") \
	X(SNAPSHOT_COPY,  snapshot_copy,  "snapshot.copy",  7200, 2, "copy the node's disk and data into the snapshot") \
	X(SNAPSHOT_SEAL,  snapshot_seal,  "snapshot.seal",   600, 0, "record the snapshot, and give it its name")  \
	X(SNAPSHOT_FETCH, snapshot_fetch, "snapshot.fetch", 7200, 2, "copy the node's disk and data beside those in use") \
	X(SNAPSHOT_ENTER, snapshot_enter, "snapshot.enter",   10, 0, "note that nodes are being replaced")         \
	X(SNAPSHOT_SWAP,  snapshot_swap,  "snapshot.swap",  7200, 2, "put the copies in the place of the node's disk and data") \
	X(SNAPSHOT_RECORD, snapshot_record, "snapshot.record", 60, 0, "restore the lab's record")                  \
	X(SNAPSHOT_CLEAR, snapshot_clear, "snapshot.clear",  600, 2, "remove what the node had before")            \
	X(SNAPSHOT_ADOPT, snapshot_adopt, "snapshot.adopt",   30, 0, "take the record of another lab's snapshot")  \
	X(SNAPSHOT_TAKE,  snapshot_take,  "snapshot.take",  7200, 2, "copy the node's disk and data of another lab's snapshot") \
	X(SNAPSHOT_TAKEN, snapshot_taken, "snapshot.taken",  600, 0, "note that all nodes have their disks and data") \
	X(SNAPSHOT_DELETE, snapshot_delete, "snapshot.delete", 600, 0, "remove a snapshot")                        \
	X(NFS_STOP,       nfs_stop,       "nfs.stop",         60, 0, "withdraw the exports")                       \
	X(NET_REMOVE,     net_remove,     "net.remove",       60, 0, "stop and undefine the network")              \
	X(DATA_REMOVE,    data_remove,    "data.remove",      60, 2, "remove the node's data directory")           \
	X(LAB_REMOVE,     lab_remove,     "lab.remove",       60, 0, "remove keys, lease and record of the lab")

/* What a verb needs of its step's node. */
enum step_needs {
	NEEDS_SESSION = 1, /* the SSH session */
	NEEDS_HOST = 2,    /* files and libvirt of the node's host: it runs there */
};
enum verb {
#define VERB_ENUM(id, function, name, timeout, needs, text) VERB_##id,
	VERBS(VERB_ENUM)
#undef VERB_ENUM
	VERB_COUNT
};

extern const char *const verb_names[VERB_COUNT];
extern const unsigned verb_timeout_s[VERB_COUNT];
extern const unsigned char verb_needs[VERB_COUNT]; /* bits of enum step_needs */

struct step {
	const char *id;             /* unique and stable: "node.start/node3", "datanode.start/node3" */
	enum verb verb;
	const struct node *node;    /* NULL = a step of the host */
	unsigned host;              /* where it runs: a position in the lab's hosts; 0 = here */
	const char *subject;        /* the domain, network or node that a step of destroy removes when .node is NULL; the node that nfs.serve leaves out; the snapshot; or NULL */
	const char *title;          /* what the user reads */
	const struct payload *payload; /* NULL = not made yet; use plan_payload() */
	const struct rule *rule;    /* the recipe's rule that this step is an instance of, or NULL */
	const struct db_request *db; /* arguments of the task that this step belongs to, or NULL */
	const struct node *gone;    /* the node that leaves, for the templates of its rules and for the network between the hosts, or NULL */
	bool anyway;                /* it also runs if steps that it waits for failed or were blocked */
	bool gate;                  /* unless it succeeds, no step that waits for it runs, not even anyway */
	int64_t timeout_ms;
	unsigned *after; unsigned after_count; /* positions in plan->steps, all smaller than its own */
};

struct plan {
	const char *command;        /* "create", "bootstrap", "stop node3": what repeats it */
	const char *loss;           /* a takeover: what it loses, in words; else NULL */
	bool partial;               /* a step that failed does not make the others useless: FAIL_PARTIAL */
	const struct lab *lab;
	struct step *steps; unsigned step_count; /* in an order that can be executed one by one */
	struct arena *arena;
};

void plan_free(struct plan *p);
DEFINE_AUTO(struct plan *, plan_free)

#endif
