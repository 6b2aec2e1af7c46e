/* SPDX-License-Identifier: PostgreSQL */
/*
 * Growing string, the only way to build text. `auto_(strbuf_clear) struct strbuf b = {0};`
 * .text is NULL until something was added; strbuf_text() never returns NULL.
 */
#ifndef LABCTL_BASE_STRBUF_H
#define LABCTL_BASE_STRBUF_H

#include <stddef.h>

struct strbuf {
	char *text; /* NUL-terminated when not NULL; owned */
	size_t len; /* bytes, without the NUL */
	size_t room;
};

void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_str(struct strbuf *b, const char *s);
void strbuf_char(struct strbuf *b, char c);
__attribute__((format(printf, 2, 3), nonnull(2))) void strbuf_printf(struct strbuf *b, const char *fmt, ...);
void strbuf_truncate(struct strbuf *b, size_t len);
void strbuf_clear(struct strbuf *b); /* frees; usable again afterwards */
const char *strbuf_text(const struct strbuf *b);
char *strbuf_steal(struct strbuf *b); /* the caller frees it; never NULL */

static inline void strbuf_clear_auto(struct strbuf *b)
{
	strbuf_clear(b);
}

#endif
