/* SPDX-License-Identifier: PostgreSQL */
/*
 * A build seen from outside: how far it is, by what it has put where, and why it ended. Nothing here fails: what cannot
 * be read is not told. One thread at a time per struct.
 */
#ifndef LABCTL_LINK_LOOK_H
#define LABCTL_LINK_LOOK_H

#include <stdbool.h>
#include <sys/types.h>

#include "strbuf.h"

/* A log that compilers' command lines are appended to. All zero but .path at first. */
struct look_log {
	const char *path;
	off_t at;        /* read up to here, bytes */
	unsigned files;  /* compiled so far */
};

/* Reads what is new. True when there is more to tell than the last time. */
bool look_compiled(struct look_log *log);

/*
 * Appends the lines of the log at @path that say what was wrong, the last ones and shortened; its last lines where none
 * does. Without our scripts' own marks.
 */
void look_errors(const char *path, struct strbuf *out);

/*
 * What mmdebstrap and build-image have made below @out_dir: "212 packages downloaded, 180 installed", then the size of
 * the disk. False while there is nothing yet.
 */
bool look_image(const char *out_dir, char *ret_text, size_t size);

#endif
