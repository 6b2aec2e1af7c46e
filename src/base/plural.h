/* SPDX-License-Identifier: PostgreSQL */
/* "%u node%s", count, plural(count): one node, two nodes. For nouns that take an s, as all of ours do. */
#ifndef LABCTL_BASE_PLURAL_H
#define LABCTL_BASE_PLURAL_H

static inline const char *plural(unsigned long count)
{
	return count == 1 ? "" : "s";
}

#endif
