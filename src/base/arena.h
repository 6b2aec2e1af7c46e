/* SPDX-License-Identifier: PostgreSQL */
/*
 * Bump allocator: a lab or a plan is built in one arena, then const and shared
 * by all threads without locks, then freed as a whole. Not thread-safe while growing.
 * Out of memory aborts (as in git and GLib), so no caller checks for it.
 */
#ifndef LABCTL_BASE_ARENA_H
#define LABCTL_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "auto.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
DEFINE_AUTO(struct arena *, arena_free)

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t len);
__attribute__((format(printf, 2, 3), nonnull(2))) char *arena_printf(struct arena *a, const char *fmt, ...);

/* Makes room for one more element; returns the array, moved and doubled when it was full. The new element is zero. */
void *arena_grow(struct arena *a, void *array, size_t count, size_t element_size);

#define arena_new_of(a, T) ((T *)arena_alloc((a), sizeof(T)))
/* Appends an element and counts it: T *v; size_t n; *arena_push(a, v, n) = x; */
#define arena_push(a, v, n) ({ (v) = arena_grow((a), (v), (n), sizeof *(v)); &(v)[(n)++]; })

#endif
