/* SPDX-License-Identifier: PostgreSQL */
/*
 * The one error type. A function that can fail returns 0 or -1 and takes a
 * struct fail last; the failure is untouched on success, outputs are untouched
 * on failure. Nothing below cli/ prints or exits. Wrap once per layer that adds
 * a name, not once per function. First test to read: tests/unit/test_fail.c.
 */
#ifndef LABCTL_BASE_FAIL_H
#define LABCTL_BASE_FAIL_H

/* The value of a code is the exit status of labctl (docs/labctl.1, EXIT STATUS). */
enum fail_code {
	FAIL_NONE = 0,
	FAIL_OTHER = 1,
	FAIL_USAGE = 2,
	FAIL_LAB = 3,       /* lab file invalid */
	FAIL_NOT_FOUND = 4,
	FAIL_CONFLICT = 5,  /* exists and is not ours, or held by another labctl */
	FAIL_HOST = 6,      /* the host lacks something: doctor says what */
	FAIL_SSH = 10,
	FAIL_TIMEOUT = 11,
	FAIL_REMOTE = 20,   /* a command on a node failed */
	FAIL_DB = 30,       /* database not healthy */
	FAIL_VIRT = 40,
	FAIL_CANCELED = 130,
};

/*
 * Why, as far as code decides by it: whether to try again, what to advise. Set where the failure is made; nobody reads
 * it out of a text. docs/labctl.1, CAUSES.
 */
#define FAIL_CAUSES(X)                                                                          \
	X(NONE, "")                      /* the code says all that code needs to know */        \
	X(NO_SPACE, "no-space")          /* a file system is full, of the host or of a node */  \
	X(DENIED, "denied")              /* the operating system forbids it */                  \
	X(REFUSED, "refused")            /* no process listens on the port */                   \
	X(UNREACHABLE, "unreachable")    /* no way to that host, or its name is not known */    \
	X(LOST, "connection-lost")       /* a connection broke in the middle */                 \
	X(NODE_OFF, "node-off")          /* libvirt says that the node's machine is not running */ \
	X(HOST_KEY, "host-key-changed")  /* the node showed another key than the lab's record has */ \
	X(IN_USE, "in-use")              /* sessions or processes hold it */

enum fail_cause {
#define FAIL_CAUSE_ENUM(id, word) CAUSE_##id,
	FAIL_CAUSES(FAIL_CAUSE_ENUM)
#undef FAIL_CAUSE_ENUM
	CAUSE_COUNT
};

/* A value: no free, no out-of-memory path. Long texts are shortened, never lost whole. */
struct fail {
	enum fail_code code;
	enum fail_cause cause;
	int error;           /* errno that the cause was taken from, or 0 */
	char sqlstate[6];    /* of the database server, or empty */
	unsigned short said; /* where in .text the words of a server begin; 0 = it has none */
	char text[1024];     /* what and why: one sentence that names the object */
	char next[512];      /* the command to run next, or empty */
	char evidence[4096]; /* last lines of a log or a console, or empty */
};

/* Set @e and return -1, so that callers can `return fail(...)`. */
__attribute__((format(printf, 3, 4), cold)) int fail(struct fail *e, enum fail_code code, const char *fmt, ...);

/* Put "prefix: " before the text, keep the code. Returns -1. */
__attribute__((format(printf, 2, 3), cold)) int fail_wrap(struct fail *e, const char *fmt, ...);

/* Say what the user should run next. Returns -1. */
__attribute__((format(printf, 2, 3), cold)) int fail_next(struct fail *e, const char *fmt, ...);

/* Keep the last @line_max lines of @text (may be NULL) as evidence, without terminal controls. Returns -1. */
__attribute__((cold)) int fail_evidence(struct fail *e, const char *text, unsigned line_max);

/* Say why, for code. Returns -1. */
__attribute__((cold)) int fail_cause(struct fail *e, enum fail_cause cause);

/* The failure comes from errno @error: sets .error and the cause that belongs to it, if any. Returns -1. */
__attribute__((cold)) int fail_from_errno(struct fail *e, int error);

/* The server's own sentence in the text, without what names node and step; the whole text where there is none. */
const char *fail_said(const struct fail *e);

/* fail() with ": strerror(errno)" at the end, and its cause. */
__attribute__((format(printf, 3, 4), cold)) int fail_errno(struct fail *e, enum fail_code code, const char *fmt, ...);

/* Greppable word of a code: "SSH", "TIMEOUT"... ; never NULL. */
const char *fail_code_name(enum fail_code code);
/* Word of a cause: "no-space"; "" for CAUSE_NONE; never NULL. */
const char *fail_cause_name(enum fail_cause cause);

#endif
