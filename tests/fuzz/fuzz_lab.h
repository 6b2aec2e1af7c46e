/* SPDX-License-Identifier: PostgreSQL */
/* Labs from fuzzed files. */
#ifndef LABCTL_TESTS_FUZZ_LAB_H
#define LABCTL_TESTS_FUZZ_LAB_H

#include "fuzz.h"
#include "lab.h"

static const struct stored_disk fuzz_stored[] = {
	{ "el9", BOOT_BIOS, SEED_LABCTL, "el9" },
	{ "bookworm", BOOT_UEFI, SEED_NOCLOUD, NULL },
};

/*
 * Reads a lab as the command line would. If the file begins with '#', the next character selects options.
 * NULL if it is refused, with the reason in @e.
 */
static inline struct lab *fuzz_lab(const char *text, size_t len, struct fail *e)
{
	unsigned bits = len > 1 && text[0] == '#' ? (unsigned char)text[1] : 0;
	const struct lab_options o = {
		.name = bits & 1 ? "fuzz" : NULL,
		.node_count = bits & 2 ? 5 : 0,
		.kind = bits & 4 ? (bits & 8 ? "postgres" : "pgxc") : NULL,
		.archive = bits & 16 ? "/src/x.tar.gz" : NULL,
		.hypervisor = bits & 64 ? HYPERVISOR_LXC : HYPERVISOR_AUTO,
		.image = bits & 128 ? "el9" : NULL,
		.state_dir = "/var/lib/labctl",
		.stored = fuzz_stored,
		.stored_count = ARRAY_COUNT(fuzz_stored),
	};
	struct lab *lab = NULL;

	return lab_parse(text, len, "/labs/fuzz.yaml", &o, &lab, e) < 0 ? NULL : lab;
}

#endif
