/* SPDX-License-Identifier: PostgreSQL */
/*
 * Completion for shells: the words that are possible at the cursor. It reads the state and cache directories, never
 * asks libvirt or the user, and prints no failures.
 */
#ifndef LABCTL_CLI_COMPLETE_H
#define LABCTL_CLI_COMPLETE_H

#include "command.h"

struct completion;

/* Adds a word and its description (one line; NULL or "" = none), unless the word does not begin with what was typed. */
void complete_add(struct completion *to, const char *word, const char *text);

/* For .complete of arguments and options. */
void complete_files(struct completion *to);       /* the shell's own completion of file names */
void complete_directories(struct completion *to);
void complete_labs(struct completion *to);
void complete_nodes(struct completion *to);       /* also lists: node1,node2 */
void complete_hosts(struct completion *to);       /* of the lab, but the first */
void complete_roles(struct completion *to);
void complete_kinds(struct completion *to);
void complete_images(struct completion *to);      /* that nodes may boot from */
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
