/* SPDX-License-Identifier: PostgreSQL */
/*
 * Text templates:
 *   @{name}            value, quoted by the caller's default kind
 *   @{name:sh}         value, quoted by kind: raw sh sql ident conf xml (base/quote.h)
 *   @{each NAME}...@{end}   body once per element of a list; in it, names of the element take precedence
 *   @{if NAME}...@{else}...@{end}   body when the value is neither empty nor "false"; @{else} may be left out
 *   @@{                a literal "@{"
 * A line with only each, if, else or end (and blanks) is dropped.
 * Unknown names, unbalanced blocks and an @{name} without a required kind fail, with the line number.
 */
#ifndef LABCTL_BASE_TEMPLATE_H
#define LABCTL_BASE_TEMPLATE_H

#include <stdbool.h>

#include "fail.h"
#include "quote.h"
#include "strbuf.h"

struct template_scope {
	/* Value of @name, or NULL when unknown. Borrowed until the next call. */
	const char *(*value)(void *ctx, const char *name);
	/*
	 * Step through list @name: returns true and makes element @index current (so that
	 * value() sees it), false after the last. Sets *known=false for a name that is not a list.
	 * Called with index SIZE_MAX when the loop is over. NULL = there are no lists.
	 */
	bool (*each)(void *ctx, const char *name, size_t index, bool *known);
	void *ctx;
};

/*
 * Appends the expansion of @text to @out. @what names the template in failures (FAIL_OTHER). @bare is the kind of an
 * @{name} without one; QUOTE_COUNT requires a kind for every value except numbers, "true" and "false".
 */
int template_expand(const char *what, const char *text, enum quote bare, const struct template_scope *scope,
		    struct strbuf *out, struct fail *e);

#endif
