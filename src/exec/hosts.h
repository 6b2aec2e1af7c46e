/* SPDX-License-Identifier: PostgreSQL */
/*
 * The other hosts of a lab: one connection to each, OpenSSH's `ssh` with `labctl host-run` at the other end (host_serve.h). It is made when
 * first needed. A host that does not answer, or whose connection broke, stays so for this command: every call says so at once.
 * Any thread. First test to read: tests/exec/test_hosts.c.
 */
#ifndef LABCTL_EXEC_HOSTS_H
#define LABCTL_EXEC_HOSTS_H

#include <stdatomic.h>

#include "executor.h"
#include "facts.h"
#include "library.h"
#include "paths.h"

/* How ssh is called: it must not ask, and it must notice within seconds that a connection is cut. The user's configuration decides the rest. */
#define HOSTS_SSH "ssh", "-T", "-x", "-a", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5", \
		  "-o", "ServerAliveCountMax=3", "-o", "ClearAllForwardings=yes", "--"

struct hosts;
struct image;
struct console;
struct console_file;
struct hosts_env {
	const struct lab *lab;        /* borrowed, like everything here */
	const struct paths *paths;
	const struct library *library; /* NULL = not read */
	const atomic_bool *cancel;
};

struct hosts *hosts_new(const struct hosts_env *env); /* aborts if out of memory */
/* Other hosts get the record of @lab, with the same hosts, instead: it has a node that leaves. Before anything is asked. */
void hosts_tell(struct hosts *h, const struct lab *lab);
void hosts_free(struct hosts *h);                     /* ends the connections */

/*
 * Connects, and gives the host what it keeps of the lab: the record and the keys of its nodes. It takes the lab's lock and lease there.
 * FAIL_HOST: another labctl there, or none; FAIL_CONFLICT: the lab of this name there is another master's; FAIL_SSH: no connection.
 */
int hosts_open(struct hosts *h, unsigned host, int64_t deadline_ms, struct fail *e);
/* Has that other host nodes of the lab, the one that leaves too? */
bool hosts_are_asked(const struct hosts *h, unsigned host);
/* Starts ssh to all hosts that have nodes, and waits for none: what comes first need not wait, and what needs them waits less. */
void hosts_begin(struct hosts *h);
/* Connects to all hosts that have nodes, at the same time. */
void hosts_reach(struct hosts *h);
/* Runs the step of @r on its host, after hosts_open(). Fails as the verb there does; FAIL_SSH with CAUSE_LOST if the connection breaks. */
int hosts_run(struct hosts *h, struct run *r, enum step_state *ret_state, struct fail *e);
/* Copies the image to the host of the step of @r, unless it is there; *ret_copied says so. The lab there uses this one from now on. */
int hosts_image(struct hosts *h, const struct lab *lab, struct run *r, const struct image *image, bool *ret_copied, struct fail *e);
/* Where the host of @n has its data directory, in @a. */
int hosts_export(struct hosts *h, const struct node *n, struct arena *a, const char **ret_dir, struct fail *e);
/* The manifest of that host's part of a snapshot, in @a. */
int hosts_snapshot(struct hosts *h, unsigned host, const char *name, struct arena *a, const char **ret_manifest, struct fail *e);
/* Appends what libvirt on that host has of the lab, in @a. */
int hosts_facts(struct hosts *h, unsigned host, struct arena *a, struct facts *f, struct fail *e);
/* Calls @each for the domains and networks of the lab on that host, as virt_describe(). */
int hosts_describe(struct hosts *h, unsigned host, void (*each)(void *ctx, const char *name, const char *state, const char *xml), void *ctx,
		   struct fail *e);
/* State of a domain, as virt_domain_state() and virt_domain_stalled() give it; "unknown" and active if the host does not answer. In @a. */
const char *hosts_domain_state(struct hosts *h, unsigned host, const char *domain, struct arena *a, bool *ret_active, bool *ret_stalled);
/* console_read(), console_evidence() and console_text() for a node of another host (node_console.h). */
void hosts_console(struct hosts *h, const struct node *n, struct arena *a, struct console *ret);
void hosts_evidence(struct hosts *h, const struct node *n, int64_t since_ms, bool ended, struct strbuf *out);
int hosts_console_text(struct hosts *h, const struct node *n, int64_t from, uint32_t max_bytes, struct strbuf *out, struct console_file *ret,
		       struct fail *e);

#endif
