/* SPDX-License-Identifier: PostgreSQL */
/*
 * NFS exports: the kernel server through /etc/exports.d and exportfs, or a
 * user-space nfs-ganesha per lab, bound to the lab's gateway address, with its own
 * configuration, pid file and recovery directory below the lab's state directory.
 */
#ifndef LABCTL_LINK_NFS_H
#define LABCTL_LINK_NFS_H

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

#define NFS_PORT 2049

enum nfs_kind { NFS_KIND_NONE, NFS_KIND_KERNEL, NFS_KIND_GANESHA };

struct nfs_lab {
	const char *lab;           /* name: /etc/exports.d/labctl-LAB.exports */
	const char *state_dir;     /* STATE/labs/LAB: ganesha.conf, ganesha.pid, ganesha.log, recovery/ */
	const char *bind_ip;       /* gateway of the lab */
	const char *subnet;        /* "10.0.0.0/24" */
	const char *options;       /* "rw,no_root_squash,sync" */
	const char *const *paths;  /* exported directories, NULL-terminated */
	const char *conf, *export_conf; /* texts of domains/ganesha.conf and domains/ganesha-export.conf */
};

/* Finds the server that this host can run, the kernel's first; *ret_why says why not the kernel's (for doctor). */
enum nfs_kind nfs_probe(const char **ret_why);
/* The command that gives this host an NFS server: starts the kernel's if it is installed. */
const char *nfs_remedy(void);
/* Exports the paths and waits until the server answers on BIND_IP:2049. *ret_changed = false if nothing had to be done. */
int nfs_serve(const struct nfs_lab *l, enum nfs_kind kind, int64_t deadline_ms, bool *ret_changed, struct fail *e);
/* Withdraws the exports and stops the lab's ganesha (after checking that the process is ours). Succeeds if there is none. */
int nfs_stop(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e);
/*
 * Waits until the lab's ganesha has answered all requests that have reached it: nothing is left in its connections, and none of its
 * threads works, for a moment. Requests must be kept from it meanwhile. FAIL_TIMEOUT.
 */
int nfs_settle(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e);
/* For status: true if the lab's exports are being served. */
bool nfs_serving(const struct nfs_lab *l, enum nfs_kind kind);

#endif
