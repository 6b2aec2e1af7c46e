/* SPDX-License-Identifier: PostgreSQL */
/*
 * Faults that a user puts into a lab: kinds as rows, and which frames of the network they concern. Pure.
 * First test to read: tests/unit/test_fault.c.
 */
#ifndef LABCTL_MODEL_FAULT_H
#define LABCTL_MODEL_FAULT_H

#include "lab.h"

/* What a fault acts on, and so what ends it. */
enum fault_on {
	FAULT_LINKS,   /* frames between nodes, by the packet filter of the lab's bridge; the kernel ends it in time */
	FAULT_DATA,    /* frames between nodes and the NFS server; the same */
	FAULT_MACHINE, /* the domain; libvirt */
	FAULT_SERVER,  /* the processes of a role; signals over SSH */
	FAULT_CPU,     /* the processor time of the domain; libvirt */
	FAULT_SYSTEM,  /* the operating system of a machine; a script over SSH */
	FAULT_CABLE,   /* the network interface of the domain; libvirt */
	FAULT_SPACE,   /* the file system of the data directories; a file on the host */
	FAULT_ON_COUNT,
};

/* How faults of these are in force and end. */
struct fault_way {
	bool kernel; /* the kernel ends it when its time is over */
	bool record; /* what is in force is made from the record, all faults together */
	bool off;    /* it holds machines that are off, too */
};
extern const struct fault_way fault_ways[FAULT_ON_COUNT];

/* What --amount means. */
enum fault_amount { AMOUNT_NONE, AMOUNT_PERCENT, AMOUNT_KBYTES_S, AMOUNT_MS, AMOUNT_SECONDS, AMOUNT_THOUSANDTHS, AMOUNT_CORE, AMOUNT_COUNT };
struct amount_row { const char *text, *unit; unsigned max, example; };
extern const struct amount_row fault_amounts[AMOUNT_COUNT];

/* FAULT_LINKS: which pairs of nodes. */
enum fault_shape { SHAPE_SIDES, SHAPE_RING, SHAPE_BRIDGE };

/* FAULT_MACHINE. */
enum fault_machine { MACHINE_PAUSE, MACHINE_OFF, MACHINE_RESET };

struct fault_kind {
	const char *name;
	enum fault_on on;
	enum fault_amount amount;
	bool lasts;            /* until it is healed; else it is over at once, and nothing is recorded */
	enum fault_shape shape;
	enum fault_machine machine;
	const char *signal, *heal_signal; /* FAULT_SERVER */
	const char *function;  /* FAULT_SYSTEM: in tuning/fault/system.sh, called with "begin AMOUNT" and "end" */
	const char *no_container; /* why containers cannot have it; NULL = they can */
	const char *summary;   /* for help */
};

extern const struct fault_kind fault_kinds[]; /* ends with a zero row */
const struct fault_kind *fault_kind(const char *name); /* NULL when unknown */

struct fault {
	unsigned id;           /* 1.., unique among the faults of the lab */
	const struct fault_kind *kind;
	bool *a, *b;           /* per node of the lab: one side, the other side; of other kinds than FAULT_LINKS only .a */
	bool host;             /* FAULT_LINKS: the host, with all clients on it, is on side b too */
	bool one_way;          /* FAULT_LINKS: only what goes from a to b */
	unsigned amount;
	int role;              /* FAULT_SERVER: of the recipe; else -1 */
	int64_t begun_ms;      /* since the epoch */
	int64_t until_ms;      /* the same; 0 = until it is healed */
};

#define FAULT_HEALED_MS 1 /* .until_ms of one that a heal has begun to end: it is over, and recorded until nothing of it is left */
#define FAULTS_MAX 64u /* of a lab at once */

/*
 * Completes .b and checks that the fault makes sense: FAIL_USAGE (no pair of nodes is concerned, an amount is missing),
 * FAIL_CONFLICT (containers have no NFS, and no clock of their own). .a is set; @b_given: so is .b.
 */
int fault_check(const struct lab *lab, struct fault *f, bool b_given, struct fail *e);
/* FAULT_LINKS: does it concern what @from sends to @to? Positions of nodes; lab->node_count is the host. */
bool fault_between(const struct lab *lab, const struct fault *f, unsigned from, unsigned to);
/*
 * Is it host number @host that acts on what @from sends to @to? One does, so that a frame between two hosts is lost by chance once: that of the
 * sender; of frames to and from the host, the first, which has the lab's gateway.
 */
bool fault_acts_on(const struct lab *lab, unsigned from, unsigned to, unsigned host);
/* Is anything of a fault of links, data directories or space on that host of the lab? */
bool fault_is_on(const struct lab *lab, const struct fault *f, unsigned host);
/* The processor time that @n may use: the least that a fault leaves it, else lab->cpu_quota; in the unit of that. */
unsigned fault_cpu_quota(const struct lab *lab, const struct fault *faults, unsigned count, const struct node *n, int64_t now_ms);
bool fault_is_over(const struct fault *f, int64_t now_ms);
/* "partition node1 | node2 node3 host", "loss 30 % node1 | node2", "hang primary on node1"; in @a. */
const char *fault_text(const struct lab *lab, const struct fault *f, struct arena *a);

#endif
