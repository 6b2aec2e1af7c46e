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

/* A value: no free, no out-of-memory path. Long texts are shortened, never lost whole. */
struct fail {
	enum fail_code code;
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

/* fail() with ": strerror(errno)" at the end. */
__attribute__((format(printf, 3, 4), cold)) int fail_errno(struct fail *e, enum fail_code code, const char *fmt, ...);

/* Greppable word of a code: "SSH", "TIMEOUT"... ; never NULL. */
const char *fail_code_name(enum fail_code code);

#endif
