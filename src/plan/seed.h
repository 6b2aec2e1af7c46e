/* SPDX-License-Identifier: PostgreSQL */
/* The identity of a node as files that its image reads at first boot (kickstart/debian12): pure text. */
#ifndef LABCTL_PLAN_SEED_H
#define LABCTL_PLAN_SEED_H

#include "lab.h"
#include "payload.h"

/* Key material comes from the lab's state (exec/); render passes placeholders. */
struct seed_keys { const char *host_private, *host_public, *authorized; };

/* hostname, hosts, machine-id, network, host key, authorized key, labctl-id. Paths absolute in the guest. */
const struct payload_file *seed_files(const struct lab *lab, const struct node *n, const struct seed_keys *keys,
				      struct arena *a, unsigned *ret_count);
/* The same as an (uncompressed, ustar) tar archive; the bytes are the arena's. */
const void *seed_tar(const struct payload_file *files, unsigned count, struct arena *a, size_t *ret_len);

#endif
