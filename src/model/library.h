/* SPDX-License-Identifier: PostgreSQL */
/*
 * The data files of labctl (domains/ kickstart/ tuning/), read once at start so that
 * planning reads no file. Taken from $LABCTL_DATA, else (for a binary in its source tree)
 * from that tree, else from the directory of the program (where `labctl host add` puts both), else from the installed directory, else from
 * the source tree.
 */
#ifndef LABCTL_MODEL_LIBRARY_H
#define LABCTL_MODEL_LIBRARY_H

#include "auto.h"
#include "fail.h"

struct library;

int library_load(const char *dir, struct library **ret_library, struct fail *e);
void library_free(struct library *l);
DEFINE_AUTO(struct library *, library_free)

/* Text of "tuning/lib.sh"; NULL when there is no such file. Valid as long as the library. */
const char *library_text(const struct library *l, const char *name);
/* Directory it was read from, for children that need the files themselves (image build). */
const char *library_dir(const struct library *l);
/* i-th name in byte order, NULL after the last. */
const char *library_name(const struct library *l, unsigned i);
/* SHA-256 of all names and texts, as hex digits: the same on hosts with the same data files. */
void library_digest(const struct library *l, char ret_hex[65]);

#endif
