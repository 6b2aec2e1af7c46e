/* SPDX-License-Identifier: PostgreSQL */
/* Shared by the fuzz programs. Each passes data to a function and aborts if a promise of its header is broken. */
#ifndef LABCTL_TESTS_FUZZ_H
#define LABCTL_TESTS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "fail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(true_, ...)                                                                                            \
	do {                                                                                                           \
		if (!(true_)) {                                                                                        \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #true_);                    \
			fprintf(stderr, "" __VA_ARGS__);                                                               \
			fputc('\n', stderr);                                                                           \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* A copy of exact size, so that the sanitizer detects each byte read beyond it. The caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* A failure has a code and one line of text. */
static inline void fuzz_failure(const struct fail *e)
{
	PROMISE(e->code != FAIL_NONE && *e->text);
	PROMISE(!e->text[strcspn(e->text, "\n\r\033")], "%s", e->text);
}

#endif
