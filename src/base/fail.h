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
	FAIL_HOST = 6,      /* the host lacks something; `labctl doctor` says what */
	FAIL_SSH = 10,
	FAIL_TIMEOUT = 11,
	FAIL_PARTIAL = 12,  /* some of it failed, the rest is done */
	FAIL_REMOTE = 20,   /* a command on a node failed */
	FAIL_DB = 30,       /* database not healthy */
	FAIL_VIRT = 40,
	FAIL_CANCELED = 130,
};

/*
 * The cause, for code that decides by it: whether to try again, what to advise. Set where the failure is made, never
 * parsed from a text. docs/labctl.1, CAUSES.
 */
#define FAIL_CAUSES(X)                                                                          \
	X(NONE, "")                      /* the code says enough */                             \
	X(NO_SPACE, "no-space")          /* a file system is full, of the host or of a node */  \
	X(DENIED, "denied")              /* the operating system denied permission */           \
	X(REFUSED, "refused")            /* no process listens on the port */                   \
	X(UNREACHABLE, "unreachable")    /* no route to the host, or its name is unknown */     \
	X(LOST, "connection-lost")       /* an open connection broke */                         \
	X(NODE_OFF, "node-off")          /* libvirt says that the node is not running */        \
	X(HOST_KEY, "host-key-changed")  /* the node's host key differs from the lab's record */ \
	X(IN_USE, "in-use")              /* sessions or processes use it */                     \
	X(FILTER, "packet-filter")       /* libvirt cannot write its rules */

enum fail_cause {
#define FAIL_CAUSE_ENUM(id, word) CAUSE_##id,
	FAIL_CAUSES(FAIL_CAUSE_ENUM)
#undef FAIL_CAUSE_ENUM
	CAUSE_COUNT
};

/* A plain value: nothing to free, no allocation that can fail. Texts that are too long are cut. */
struct fail {
	enum fail_code code;
	enum fail_cause cause;
	int error;           /* errno behind the cause, or 0 */
	char sqlstate[6];    /* from the database server, or empty */
	unsigned short said; /* offset in .text of a server's own message; 0 = none */
	char text[1024];     /* what and why: one sentence that names the object */
	char next[512];      /* the command to run next, or empty */
	char evidence[4096]; /* last lines of a log or a console, or empty */
};

/* Set @e and return -1, so that callers can `return fail(...)`. */
__attribute__((format(printf, 3, 4), cold)) int fail(struct fail *e, enum fail_code code, const char *fmt, ...);

/* Put "prefix: " before the text, keep the code. Returns -1. */
__attribute__((format(printf, 2, 3), cold)) int fail_wrap(struct fail *e, const char *fmt, ...);

/* Set the command to run next. Returns -1. */
__attribute__((format(printf, 2, 3), cold)) int fail_next(struct fail *e, const char *fmt, ...);

/* Keep the last @line_max lines of @text (may be NULL) as evidence, without terminal controls. Returns -1. */
__attribute__((cold)) int fail_evidence(struct fail *e, const char *text, unsigned line_max);

/* Set the cause. Returns -1. */
__attribute__((cold)) int fail_cause(struct fail *e, enum fail_cause cause);

/* Set .error to the errno @error, and .cause if that errno has one. Returns -1. */
__attribute__((cold)) int fail_from_errno(struct fail *e, int error);

/* The server's own message, without the node and step before it; the whole text if there is none. Points into @e. */
const char *fail_said(const struct fail *e);

/* fail() with ": strerror(errno)" appended, and fail_from_errno(). */
__attribute__((format(printf, 3, 4), cold)) int fail_errno(struct fail *e, enum fail_code code, const char *fmt, ...);

/* Greppable word of a code: "SSH", "TIMEOUT"... ; never NULL. */
const char *fail_code_name(enum fail_code code);
/* Word of a cause: "no-space"; "" for CAUSE_NONE; never NULL. */
const char *fail_cause_name(enum fail_cause cause);

#endif
