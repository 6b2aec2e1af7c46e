/* SPDX-License-Identifier: PostgreSQL */
/*
 * The checks of `labctl doctor`: const tables of rows, by subject. A row's function looks at one thing and adds what it found;
 * why it matters and what mends it are in the row, unless that depends on what was found.
 */
#ifndef LABCTL_CLI_DOCTOR_H
#define LABCTL_CLI_DOCTOR_H

#include "cli.h"

enum verdict { PASS, WARN, FAULT };

struct doctor;
struct check {
	const char *name;        /* "libvirt qemu" */
	enum verdict missing;    /* the result if it is not as it should be */
	const char *why;         /* what does not work without it; a sentence without full stop */
	const char *fix;         /* a shell command that mends it, or NULL */
	const char *advice;      /* what to do where no command helps, or NULL */
	void (*look)(struct doctor *d, const struct check *k);
	const char *arg;         /* for .look */
};

struct doctor {
	struct cli *c;
	json_t *rows;
	bool machines;           /* libvirt runs machines */
	const char *only;        /* the check that the user named, or NULL */
};

/* Adds a result; @fix NULL: the row's. */
void doctor_add(struct doctor *d, const struct check *k, bool good, const char *found, const char *fix);

/* The image that new labs use; labctl's default if the configuration cannot be read. */
const char *doctor_image(struct doctor *d);

/* End with a row without name. doctor_host.c, doctor_network.c, doctor_labs.c */
extern const struct check checks_host[], checks_network[], checks_labs[];

/* The check "kvm guest", which takes seconds: only if it is named. doctor_guest.c */
#define CHECK_GUEST "kvm guest"
void look_guest(struct doctor *d, const struct check *k);

#endif
