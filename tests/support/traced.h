/* SPDX-License-Identifier: PostgreSQL */
/* Collects the lines of LABCTL_TRACE for tests. */
#ifndef LABCTL_TESTS_TRACED_H
#define LABCTL_TESTS_TRACED_H

#include "test.h"

#include <pthread.h>

#include "strbuf.h"
#include "trace.h"

static struct strbuf traced; /* lines; of one test: traced_begin() empties it */
static pthread_mutex_t traced_lock = PTHREAD_MUTEX_INITIALIZER;

static void traced_line(const char *text)
{
	pthread_mutex_lock(&traced_lock);
	strbuf_printf(&traced, "%s\n", text);
	pthread_mutex_unlock(&traced_lock);
}

static void traced_begin(const char *words)
{
	struct fail e = { 0 };

	strbuf_truncate(&traced, 0);
	assert_int_equal(trace_start(words, traced_line, &e), 0);
}

static void traced_end(void)
{
	struct fail e = { 0 };

	assert_int_equal(trace_start(NULL, NULL, &e), 0);
}

#endif
