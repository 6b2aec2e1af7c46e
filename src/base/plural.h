/* SPDX-License-Identifier: PostgreSQL */
/* "%u node%s", count, plural(count): "1 node", "2 nodes". Only for nouns that take an s; all of ours do. */
#ifndef LABCTL_BASE_PLURAL_H
#define LABCTL_BASE_PLURAL_H

static inline const char *plural(unsigned long count)
{
	return count == 1 ? "" : "s";
}

#endif
