/* SPDX-License-Identifier: PostgreSQL */
/*
 * The identity of a node as files that its system reads at first boot: pure text. Images that labctl made unpack them as
 * they are (kickstart/debian); on other disks cloud-init reads its own three files from a volume (seed_cloud.c).
 */
#ifndef LABCTL_PLAN_SEED_H
#define LABCTL_PLAN_SEED_H

#include "lab.h"
#include "payload.h"

#define SEED_ID_FILE "/etc/labctl-id"
#define SEED_CLOUD_LABEL "CIDATA" /* label of the volume that cloud-init's NoCloud looks for */

/* Keys from the lab's state (exec/); render passes placeholders. */
struct seed_keys { const char *host_private, *host_public, *authorized; };

/*
 * hostname, hosts, machine-id, network, host key, authorized key, labctl-id, with absolute paths in the guest. With
 * lab_uses_cloud_init(): /meta-data, /user-data and /network-config of the volume. Allocated in @a.
 */
const struct payload_file *seed_files(const struct lab *lab, const struct node *n, const struct seed_keys *keys,
				      struct arena *a, unsigned *ret_count);
/* The files as an uncompressed tar archive (ustar), allocated in @a. */
const void *seed_tar(const struct payload_file *files, unsigned count, struct arena *a, size_t *ret_len);

/* Contents of SEED_ID_FILE and of /etc/hosts on the node. */
const char *seed_id(const struct lab *lab, const struct node *n, struct arena *a);
const char *seed_hosts(const struct lab *lab, struct arena *a);
/*
 * A shell command for a machine of this lab whose disk is a copy of another lab's, to run before its init: it disables what would start
 * with the other lab's addresses before the node is tuned: servers, the packet filter, the mount of the data directory. The seed replaces
 * the rest at every boot. It does nothing once the node has the seed of this lab. No double quotes: it is a word of the kernel's command
 * line.
 */
const char *seed_forget(const struct lab *lab, struct arena *a);
/* seed_files() for cloud-init. */
const struct payload_file *seed_cloud(const struct lab *lab, const struct node *n, const struct seed_keys *keys,
				      struct arena *a, unsigned *ret_count);

#endif
