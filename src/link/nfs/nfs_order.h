/* SPDX-License-Identifier: PostgreSQL */
/* The shutdown of a host with systemd: machines end before their NFS server. Test: tests/link/test_nfs_order.c. */
#ifndef LABCTL_LINK_NFS_ORDER_H
#define LABCTL_LINK_NFS_ORDER_H

#include <stdbool.h>

/* Units that live until the next boot. */
#define NFS_UNITS "/run/systemd/system"

/* True where systemd runs and can be told something; not in a sandbox, whose machines are not the system's. */
bool nfs_has_systemd(void);
/*
 * While @exports (/etc/exports.d) has exports of labs, a file below @units says that libvirt-guests.service ends before the
 * kernel's NFS server; else there is none. Returns true if it changed: systemd must load it.
 */
bool nfs_order_guests(const char *units, const char *exports);
/* The same, on this host. Says nothing if it fails: then the host only takes long to shut down. */
void nfs_order_shutdown(const char *exports);

#endif
