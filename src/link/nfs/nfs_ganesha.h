/* SPDX-License-Identifier: PostgreSQL */
/* Private to nfs*.c: the user-space server, and functions for both servers. */
#ifndef LABCTL_LINK_NFS_GANESHA_H
#define LABCTL_LINK_NFS_GANESHA_H

#include "nfs.h"
#include "strbuf.h"

/* As nfs_serve(), nfs_stop() and nfs_serving() of nfs.h. */
int ganesha_serve(const struct nfs_lab *l, int64_t deadline_ms, bool *ret_changed, struct fail *e);
int ganesha_stop(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e);
bool ganesha_serving(const struct nfs_lab *l);

/* True when something accepts connections on @ip:2049; waits at most half a second. */
bool nfs_answers(const char *ip);
/* True if the file contains exactly @wanted. */
bool nfs_same_text(const char *path, const struct strbuf *wanted);
/* True when the comma-separated @options hold @word. */
int ganesha_settle(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e);

#endif
