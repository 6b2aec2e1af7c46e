/* SPDX-License-Identifier: PostgreSQL */
/*
 * Completion of words by the shell: what may stand at the cursor. It reads the state and cache directories; it never
 * asks libvirt, a node or a person, and says nothing of what fails.
 */
#ifndef LABCTL_CLI_COMPLETE_H
#define LABCTL_CLI_COMPLETE_H

#include "command.h"

struct completion;

/* A word that may stand here, and what it is (one line; NULL or "" = nothing to say). Those that do not begin as what was typed are left out. */
void complete_add(struct completion *to, const char *word, const char *text);

/* For .complete of arguments and options. */
void complete_files(struct completion *to);       /* the shell's own completion of file names */
void complete_directories(struct completion *to);
void complete_labs(struct completion *to);
void complete_nodes(struct completion *to);       /* lists too: node1,node2 */
void complete_roles(struct completion *to);
void complete_kinds(struct completion *to);
void complete_images(struct completion *to);      /* what nodes may boot from */
void complete_stored_images(struct completion *to);
void complete_recipes(struct completion *to);     /* images that can be built */
void complete_databases(struct completion *to);
void complete_templates(struct completion *to);   /* of databases */
void complete_releases(struct completion *to);
void complete_formats(struct completion *to);     /* of the inventory */
void complete_hypervisors(struct completion *to);
void complete_commands(struct completion *to);    /* for `labctl help` */
void complete_actions(struct completion *to, const struct command *of);

#endif
