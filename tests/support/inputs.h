/* SPDX-License-Identifier: PostgreSQL */
/* Inputs of plans: the source tree's library, and labs from text. Include test.h first. */
#ifndef LABCTL_TESTS_INPUTS_H
#define LABCTL_TESTS_INPUTS_H

#include <string.h>

#include "lab.h"
#include "library.h"

static struct library *lib;

static inline int open_library(void **state)
{
	struct fail e = { 0 };

	(void)state;
	return library_load(SOURCE_DIR, &lib, &e);
}

static inline int close_library(void **state)
{
	(void)state;
	library_free(lib);
	return 0;
}

static inline struct lab *parse(const char *yaml)
{
	const struct lab_options o = { .state_dir = "/var/lib/labctl" };
	struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(yaml, strlen(yaml), "test.yaml", &o, &lab, &e) < 0)
		print_error("%s\n%s\n", e.text, e.evidence);
	assert_non_null(lab);
	if (!lab->net.subnet)
		lab_set_subnet(lab, 0x0a580000, 24);
	return lab;
}

#endif
