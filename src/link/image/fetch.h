/* SPDX-License-Identifier: PostgreSQL */
/* Source archives and images by path or URL (libcurl: progress, resume, digest). */
#ifndef LABCTL_LINK_FETCH_H
#define LABCTL_LINK_FETCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"

struct fetch {
	const char *source;      /* path, or http(s)/ftp/file URL */
	const char *what;        /* for messages: "image"; NULL = "source archive" */
	const char *sha256;      /* wanted digest or NULL */
	const char *pin;         /* file that has the wanted digest, which the archive had when it was first used; or NULL */
	const char *cache_dir;   /* downloads go to CACHE/downloads/ (".part" while incomplete) */
	void (*progress)(void *ctx, int64_t done_bytes, int64_t total_bytes); void *ctx;
	const atomic_bool *cancel;
	int64_t deadline_ms;
};

/*
 * Returns the local file and its SHA-256. FAIL_NOT_FOUND, FAIL_OTHER (digest differs; the text has both), FAIL_TIMEOUT;
 * CAUSE_UNREACHABLE and CAUSE_REFUSED without a network or a server.
 */
int fetch_archive(const struct fetch *f, struct arena *a, const char **ret_path, char ret_sha256[65], struct fail *e);

#endif
