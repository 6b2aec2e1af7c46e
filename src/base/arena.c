/* SPDX-License-Identifier: PostgreSQL */
#include "arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64u << 10)

struct block {
	struct block *next;
	size_t used, room;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *blocks; /* newest first */
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct arena *arena_new(void)
{
	return must(calloc(1, sizeof(struct arena)));
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct block *b = a->blocks;

	if (!b || b->room - b->used < need) {
		size_t room = need > BLOCK_BYTES / 4 ? need : BLOCK_BYTES;

		b = must(calloc(1, sizeof *b + room));
		b->room = room;
		/* A large piece gets its own block behind the current one, whose free part stays usable. */
		if (room == need && a->blocks) {
			b->next = a->blocks->next;
			a->blocks->next = b;
		} else {
			b->next = a->blocks;
			a->blocks = b;
		}
	}
	b->used += need;
	return b->data + b->used - need;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args, again;
	char *text;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		abort();
	text = arena_alloc(a, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	return text;
}

void *arena_grow(struct arena *a, void *array, size_t count, size_t element_size)
{
	void *bigger;

	/* Capacity is a power of two, at least 4: a @count that equals one has filled it. */
	if (count & (count - 1) || (count > 0 && count < 4))
		return array;
	bigger = arena_alloc(a, (count ? count * 2 : 4) * element_size);
	if (count)
		memcpy(bigger, array, count * element_size);
	return bigger;
}
