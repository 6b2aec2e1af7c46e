/* SPDX-License-Identifier: PostgreSQL */
/* What the kernel's NFS server gets, as exports(5) writes it: the same text for render and for the server itself. Pure. */
#ifndef LABCTL_MODEL_EXPORTS_H
#define LABCTL_MODEL_EXPORTS_H

#include <stdbool.h>

#include "strbuf.h"

/* Is @word one of the comma-separated @options? */
bool exports_have_option(const char *options, const char *word);

/* A line for each of @paths (NULL-terminated). no_subtree_check is added unless @options say either. */
void exports_print(const char *lab, const char *subnet, const char *options, const char *const *paths, struct strbuf *out);

/* A path as exports(5) and `exportfs -s` write it. */
void exports_path_print(const char *path, struct strbuf *out);

#endif
