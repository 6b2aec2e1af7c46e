/* SPDX-License-Identifier: PostgreSQL */
/* What load.c and load_wanted.c share; for the others cli.h has what they offer. All use c->arena and the caller's thread. */
#ifndef LABCTL_CLI_LOAD_H
#define LABCTL_CLI_LOAD_H

#include "cli.h"

/* The path of an archive or image as an absolute one, since it is saved with the lab. URLs and NULL are unchanged. */
const char *load_absolute(struct cli *c, const char *source);
/* What the command line, the environment and the configuration say. Fails as config_load(). */
int load_options(struct cli *c, const struct lab_words *said, struct lab_options *ret, struct fail *e);
/* The name of -l, of the lab file, or of the only lab that exists; *ret_name = NULL if there is none. FAIL_USAGE: several labs exist. */
int load_choose_name(struct cli *c, const char **ret_name, struct fail *e);
/* The record of lab @name. FAIL_NOT_FOUND: there is none; FAIL_CONFLICT: another host's labctl runs it. Free with lab_free(). */
int load_saved(struct cli *c, const char *name, struct lab **ret_lab, struct fail *e);
/* auto becomes KVM only if it can work, else emulation (docs/why/001). FAIL_LAB: the lab needs containers. */
int load_decide_hypervisor(struct lab *lab, struct fail *e);

#endif
