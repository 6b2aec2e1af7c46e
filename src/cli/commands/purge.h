/* SPDX-License-Identifier: PostgreSQL */
/* What stays on this host when the package labctl is purged. */
#ifndef LABCTL_CLI_PURGE_H
#define LABCTL_CLI_PURGE_H

#include "cli.h"

/* Prints it as a table or a JSON document, with the command that removes each. Reads files only. */
int purge_report(struct cli *c, struct fail *e);

#endif
