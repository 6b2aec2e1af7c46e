/* SPDX-License-Identifier: PostgreSQL */
/* Clients of the kernel's NFS server. Test: tests/link/test_nfs_clients.c. */
#ifndef LABCTL_LINK_NFS_CLIENTS_H
#define LABCTL_LINK_NFS_CLIENTS_H

/* From Linux 5.3. */
#define NFS_CLIENTS "/proc/fs/nfsd/clients"

/* Makes the server forget the clients of @subnet ("10.0.0.0/24"), which are gone. Returns their number; 0 without such a server. */
unsigned nfs_expire_clients(const char *clients, const char *subnet);

#endif
