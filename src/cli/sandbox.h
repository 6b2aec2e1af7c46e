/* SPDX-License-Identifier: PostgreSQL */
/*
 * The private libvirt of tests/support/sandbox, which keeps a record of each sandbox in /run/labctl-sandbox/NAME. A labctl
 * outside enters a sandbox by itself; one inside sees that libvirt is there. First test to read: tests/link/sandbox.bats.
 */
#ifndef LABCTL_CLI_SANDBOX_H
#define LABCTL_CLI_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "arena.h"
#include "fail.h"

/* Names of the sandboxes that last (sandbox --keep NAME up), NULL-terminated: that run and can be seen from here, or all records. */
const char *const *sandbox_list(bool running, struct arena *a);

/*
 * Continues in a child process inside the sandbox that LABCTL_SANDBOX names, or, if that is not set and this host has no
 * libvirt, in the only one that runs. *ret_child: 0 in the process that continues, else the child, for sandbox_wait().
 * Does nothing inside a sandbox, for others than root, and if LABCTL_SANDBOX is empty. FAIL_NOT_FOUND if there is no such
 * sandbox, FAIL_HOST if it cannot be entered. Call before any thread starts.
 */
int sandbox_enter(struct arena *a, pid_t *ret_child, struct fail *e);

/* For what needs the network: does as if LABCTL_SANDBOX were not set, unless this is a process inside. */
void sandbox_stay_out(struct arena *a);

/* Waits for the child; passes on TERM. The keyboard's signals reach it directly. Returns its exit status, or ends as it ended. */
int sandbox_wait(pid_t child);

#endif
