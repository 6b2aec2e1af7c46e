/* SPDX-License-Identifier: PostgreSQL */
/*
 * Scope-bound ownership: auto_(free) char *p = ...; releases p when the scope
 * ends; steal(p) passes ownership on.
 */
#ifndef LABCTL_BASE_AUTO_H
#define LABCTL_BASE_AUTO_H

#include <stdlib.h>
#include <unistd.h>

#define DEFINE_AUTO(T, fn)                                                     \
	static inline void fn##_auto(T *p)                                     \
	{                                                                      \
		if (*p)                                                        \
			fn(*p);                                                \
	}
#define auto_(fn) __attribute__((cleanup(fn##_auto)))
#define steal(p)                                                               \
	({                                                                     \
		__typeof__(p) kept_ = (p);                                     \
		(p) = NULL;                                                    \
		kept_;                                                         \
	})

static inline void free_auto(void *p)
{
	free(*(void **)p);
}

/* auto_(close) int fd = -1; */
static inline void close_auto(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define ARRAY_COUNT(a) (sizeof(a) / sizeof(*(a)))

#endif
