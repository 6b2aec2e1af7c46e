/* SPDX-License-Identifier: PostgreSQL */
/* Building plans (pure) and showing them. A plan borrows @lab and @lib: free it before them. */
#ifndef LABCTL_PLAN_PLAN_H
#define LABCTL_PLAN_PLAN_H

#include <jansson.h>

#include "facts.h"
#include "library.h"
#include "step.h"

int plan_create(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e);
int plan_bootstrap(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e);
/* The same for a running cluster whose lab file has changed: servers restart one after the other, as the recipe says. */
int plan_change(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e);

/* Arguments of a task (recipe.h). Its plan borrows them. .said is the command line to repeat the task, for messages. */
struct db_request {
	const char *name, *template, *database;
	bool force, adopt;
	bool whole;             /* the cluster is half changed until it ends */
	const char *said;
};
/* Steps of `labctl db TASK`. FAIL_USAGE when the kind has no such task. */
int plan_task(const struct lab *lab, const struct library *lib, const char *task, const struct db_request *db,
	      struct plan **ret_plan, struct fail *e);

struct destroy_options { bool keep_data; };
/* Steps for everything in @lab, and for every domain and network of @facts that has the lab's tag. */
int plan_destroy(const struct lab *lab, const struct facts *facts, const struct destroy_options *o,
		 struct plan **ret_plan, struct fail *e);

/* Which nodes and servers a start or a stop is about; arrays with an entry for each node of the lab. */
struct choice {
	const bool *nodes;
	const uint32_t *roles; /* servers, as bits of roles; 0 for a lab without a running cluster */
	bool machines;         /* stop the machines too; false if the user named a role */
	const char *said;      /* the command line that repeats it, for messages: "stop node3" */
};
/* Chooses nodes by a selector (NULL = all) and a role (NULL = all). @cluster: the lab's cluster exists. Arrays are in @a. */
int plan_choose(const struct lab *lab, const char *selector, const char *role, bool cluster, struct arena *a,
		struct choice *ret, struct fail *e);
/* FAIL_CONFLICT if @facts have a node of the lab under another name than ours. */
int plan_check_names(const struct lab *lab, const struct facts *facts, struct fail *e);
/* Starts machines, then servers in the recipe's order; of a whole cluster with all checks of a bootstrap. */
int plan_start(const struct lab *lab, const struct library *lib, const struct choice *what, struct plan **ret_plan,
	       struct fail *e);
/*
 * Stops servers in the recipe's order, then machines; asks nothing of those that @facts report as off. @now: powers the
 * machines off and nothing else.
 */
struct stop_options { bool now; };
int plan_stop(const struct lab *lab, const struct library *lib, const struct facts *facts, const struct choice *what,
	      const struct stop_options *o, struct plan **ret_plan, struct fail *e);
/* Both; starts what it has stopped. */
int plan_restart(const struct lab *lab, const struct library *lib, const struct facts *facts, const struct choice *what,
		 const struct stop_options *o, struct plan **ret_plan, struct fail *e);

/*
 * Takeovers: another server of the lab's cluster gets a role (recipe.h, struct takeover). What a server says of itself; an
 * array has an entry for each node of the lab, zero for those that are not concerned.
 */
struct standing {
	bool on;                    /* its machine runs */
	bool answers;               /* the server answers SQL; if not, the rest is unknown */
	bool recovers, streams;     /* it is a standby; it receives WAL */
	uint64_t wal, replayed;     /* where its WAL ends, and what of it a standby has applied, in bytes */
	int64_t age_ms;             /* age of the newest transaction that a standby has applied; -1 = unknown */
	unsigned sessions, writing; /* clients; those in a transaction that has written something */
};
#define LOST_UNKNOWN (-1)
struct handover {
	const struct node *from, *to;  /* the old server and the new one; from NULL = one that was interrupted is finished */
	const struct standing *all;
	int64_t lost;               /* transactions that only .from has; LOST_UNKNOWN */
	const char *said;           /* the command line that repeats it */
};
/* Chooses the server to promote. @wanted NULL = the one with the most WAL. FAIL_USAGE, FAIL_DB if it cannot be. */
int plan_switchover_to(const struct lab *lab, const struct standing *all, const struct node *wanted, const struct node **ret,
		       struct fail *e);
/* The same if the server with the role is dead. FAIL_CONFLICT if it answers, unless it took over in a failover that runs @again. */
int plan_failover_to(const struct lab *lab, const struct standing *all, bool again, const struct node **ret, struct fail *e);
/* Can @n, which had the role, become a standby of the server that has it now? Sets *ret to that one. */
int plan_rejoin_to(const struct lab *lab, const struct standing *all, const struct node *n, const struct node **ret, struct fail *e);
/* The plans; @lab is as after the takeover (lab_promote()). */
int plan_switchover(const struct lab *lab, const struct library *lib, const struct handover *h, struct plan **ret_plan, struct fail *e);
int plan_failover(const struct lab *lab, const struct library *lib, const struct handover *h, struct plan **ret_plan, struct fail *e);
int plan_rejoin(const struct lab *lab, const struct library *lib, const struct handover *h, struct plan **ret_plan, struct fail *e);

/*
 * Nodes that join and leave. @lab is as afterwards. Adding is a create and a bootstrap in one plan: what is there already is
 * left as it is.
 */
struct node_add {
	bool cluster;              /* the lab's cluster exists */
	bool rebalance;            /* then run the task "rebalance", which moves data to the new servers */
	const char *said;          /* the command line that repeats it */
};
int plan_node_add(const struct lab *lab, const struct library *lib, const struct node_add *o, struct plan **ret_plan, struct fail *e);
struct node_remove {
	const struct node *gone;   /* of the lab as it was; plans borrow it */
	const bool *on;            /* per node of @lab: its machine runs. Others are left out, and follow when they start */
	bool cluster;
	bool lose;                 /* what only .gone has is given up: it does not answer, or the user wants it */
	const char *loss;          /* what is lost, in words */
	const char *said;
};
int plan_node_remove(const struct lab *lab, const struct library *lib, const struct node_remove *o, struct plan **ret_plan,
		     struct fail *e);

/* After .given_up of @host has changed: the network between the other hosts, without it or with it. @said: the command line. */
int plan_host_peers(const struct lab *lab, const struct host *host, const char *said, struct plan **ret_plan, struct fail *e);

/* Puts a fault into the lab (model/fault.h), and ends one. @cluster: the lab's cluster exists. @said: the command line. */
struct fault;
int plan_fault_inject(const struct lab *lab, const struct library *lib, const struct fault *f, const char *said, struct plan **ret_plan,
		      struct fail *e);
int plan_fault_heal(const struct lab *lab, const struct library *lib, const struct fault *f, bool cluster, const char *said,
		    struct plan **ret_plan, struct fail *e);

/*
 * Snapshots (exec/snapshots.h). Saving stops the lab in order, copies and starts it, also if the copy failed; @made: it was
 * copied already, and is only started. Restoring takes @lab as it was when the snapshot was made. @what is the whole lab.
 * @live: machines are paused, written to files with their memory, and continue from these. @keep_clocks: with the time that they had.
 */
struct snapshot_plan { const char *name; bool made, live, keep_clocks; const struct choice *what; };
int plan_snapshot_save(const struct lab *lab, const struct library *lib, const struct facts *facts, const struct snapshot_plan *o,
		       struct plan **ret_plan, struct fail *e);
int plan_snapshot_restore(const struct lab *lab, const struct library *lib, const struct snapshot_plan *o, struct plan **ret_plan,
			  struct fail *e);
/* A new lab @lab of the snapshot @o->name, "LAB@SNAPSHOT". Servers get the configuration of its addresses when they start. */
int plan_snapshot_create(const struct lab *lab, const struct library *lib, const struct snapshot_plan *o, struct plan **ret_plan,
			 struct fail *e);
/* Lets a lab go on whose live save of @name was killed. */
int plan_snapshot_thaw(const struct lab *lab, const struct snapshot_plan *o, struct plan **ret_plan, struct fail *e);
int plan_snapshot_delete(const struct lab *lab, const char *name, struct plan **ret_plan, struct fail *e);

/*
 * The payload of a step of one of these plans; NULL when it needs none. Plans of large labs do not hold all texts; a
 * missing one is made here in @a, the same every time. Pure and thread-safe, if each thread has its own @cache or NULL.
 */
struct scope_cache;
int plan_payload(const struct lab *lab, const struct library *lib, const struct step *s, struct scope_cache *cache,
		 struct arena *a, const struct payload **ret_payload, struct fail *e);

/* Low level, for the builders of plans and for tests of the executor. */
struct plan *plan_new(const char *command, const struct lab *lab);
/*
 * Appends a step. @id is copied and must be unique (else FAIL_OTHER when finished), @title is borrowed. The pointer is
 * good until plan_finish(), which moves the steps into plan->steps.
 */
struct step *plan_add(struct plan *p, enum verb verb, const struct node *node, const char *id, const char *title);
/*
 * The same, for a step that runs on that host; plan_add() chooses the node's if the verb needs it. The first one on another host
 * adds the step that connects to it, for which all of them wait.
 */
struct step *plan_add_at(struct plan *p, unsigned host, enum verb verb, const struct node *node, const char *id, const char *title);
struct step *plan_open_host(struct plan *p, unsigned host); /* that step */
/* "net.create" of the first host, "net.create/HOST" of another one. */
const char *plan_on(struct plan *p, const char *id, unsigned host);
/* @step waits for the step @id, which may be added later; plan_finish() reports unknown ids and cycles. */
void plan_after(struct plan *p, struct step *step, const char *id);
/* Resolves ids and sorts; call it once. FAIL_OTHER for a cycle, as a chain "a -> b -> a". */
int plan_finish(struct plan *p, struct fail *e);

/* Appends one line per step, without those that only join others (plan_json() has them). */
void plan_print_text(const struct plan *p, struct strbuf *out);
void plan_print_dot(const struct plan *p, struct strbuf *out);
json_t *plan_json(const struct plan *p); /* new reference */

/*
 * Every file that labctl would write on the host and the nodes, as path -> text in the order of execution, manifest.json
 * last. Keys and secrets are placeholders ("<secret:postgres>"). Texts are in @a.
 */
struct rendered { const char *path; const char *text; unsigned mode; };
int plan_render(const struct lab *lab, const struct library *lib, struct arena *a, struct rendered **ret_files,
		unsigned *ret_count, struct fail *e);

#endif
