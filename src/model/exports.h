/* SPDX-License-Identifier: PostgreSQL */
/* Lines of exports(5) for the kernel's NFS server, the same for `labctl render` and for the server itself. Pure. */
#ifndef LABCTL_MODEL_EXPORTS_H
#define LABCTL_MODEL_EXPORTS_H

#include <stdbool.h>

#include "strbuf.h"

/* Is @word one of the comma-separated @options? */
bool exports_have_option(const char *options, const char *word);

/* Appends a line for each of @paths (NULL-terminated), with no_subtree_check unless @options decide that themselves. */
void exports_print(const char *lab, const char *subnet, const char *options, const char *const *paths, struct strbuf *out);

/* Appends @path, escaped as exports(5) and `exportfs -s` write it. */
void exports_path_print(const char *path, struct strbuf *out);

#endif
