/* SPDX-License-Identifier: PostgreSQL */
/* What the hosts of a lab are and have, asked over ssh: for `labctl host`. The text is tuning/host/look.sh. */
#ifndef LABCTL_CLI_HOST_LOOK_H
#define LABCTL_CLI_HOST_LOOK_H

#include "cli.h"

/* Where `labctl host add` puts the program with its data files, and the link to it that is in everybody's PATH. */
#define HOST_PLACE "/usr/local/lib/labctl"
#define HOST_COMMAND "/usr/local/bin/labctl"

struct host_look {
	const struct host *host;       /* without .ssh: this host */
	bool doctor;                   /* also what doctor says there */
	struct fail e;                 /* .code != 0: it does not answer, and nothing else is known */
	bool root, ours;               /* .ours: `host add` installed what is there */
	const char *arch, *system;     /* "x86_64", "Debian GNU/Linux 12 (bookworm)" */
	const char *program;           /* path of labctl there; NULL = none */
	const char *version, *digest;  /* of it and of its data files; NULL = it does not run */
	const char *sum;               /* SHA-256 of the program, if it is ours */
	const char *taken;             /* what stands in the place of our link, or NULL */
	const char *link; unsigned mtu; /* that has its underlay address; NULL = none */
	json_t *checks;                /* rows of doctor, or NULL */
	struct strbuf text;            /* private */
};

/* Asks all of them at the same time. The caller calls host_look_clear() for each. */
void host_look(struct cli *c, struct host_look *looks, unsigned count);
void host_look_clear(struct host_look *l);
/* Is the same labctl there? *ret_why is why not. */
bool host_is_same(struct cli *c, const struct host_look *l, const char **ret_why);

/* Runs a shell script on @host; FAIL_SSH with the last line that it, or ssh, printed as an error. Thread-safe. */
int host_script(struct cli *c, const struct host *host, const char *script, int64_t limit_ms, struct strbuf *out, struct fail *e);
/* A script of tuning/host, with the values that it needs before it. NULL, with the failure, if there is none. */
const char *host_script_text(struct cli *c, const char *name, const struct host *host, bool doctor, struct fail *e);

/* cmd_host.c: asks these hosts, and prints what is wrong with each. FAIL_PARTIAL, FAIL_SSH: one or all do not answer; FAIL_HOST. */
int host_check(struct cli *c, const struct lab *lab, const struct host *const *hosts, unsigned count, struct fail *e);
/* What names the lab in a command that is suggested: "-l duo ", "-f lab.yaml "; "" without a lab of several hosts. */
const char *host_lab_words(struct cli *c, const struct lab *lab);
/* cmd_host_give_up.c: what is left on a host that was given up, and the command that removes it there. */
void host_say_left(const struct lab *lab, const struct host *host);
/* The host that the argument of the command names: one of the lab's, or without a lab of several hosts what ssh connects to. */
int host_named(struct cli *c, struct lab **ret_lab, const struct host **ret, struct fail *e);

#endif
