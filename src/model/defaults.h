/* SPDX-License-Identifier: PostgreSQL */
/* Default paths, libvirt URIs and names, and the prefix of labctl's network interfaces. */
#ifndef LABCTL_MODEL_DEFAULTS_H
#define LABCTL_MODEL_DEFAULTS_H

#include "lab.h"

#define DEFAULT_STATE_DIR "/var/lib/labctl"   /* --state-dir, LABCTL_STATE */
#define DEFAULT_CACHE_DIR "/var/cache/labctl" /* --cache-dir, LABCTL_CACHE */
#define DEFAULT_LAB "lab"
/*
 * Of a new lab whose cluster is not known yet: every kind must be proven on it. With a cluster: platform_image(). docs/why/007.
 */
#define DEFAULT_IMAGE "debian12"

#define VXLAN_PREFIX "labx" /* of the device that joins the bridges of several hosts; the same digits follow */
#define BRIDGE_PREFIX "lab" /* of bridges and links, before the first 8 digits of the lab's uuid */

#define LIBVIRT_LXC "lxc:///system"
#define LIBVIRT_QEMU "qemu:///system"
#define LIBVIRT_LOG_DIR "/var/log/libvirt"
#define LIBVIRT_NETWORK_DIR "/var/lib/libvirt/dnsmasq"

/* libvirt's driver for a hypervisor; its directory in LIBVIRT_LOG_DIR has the same name. */
static inline const char *libvirt_driver(enum hypervisor h)
{
	return h == HYPERVISOR_LXC ? "lxc" : "qemu";
}

static inline const char *libvirt_uri(enum hypervisor h)
{
	return h == HYPERVISOR_LXC ? LIBVIRT_LXC : LIBVIRT_QEMU;
}

#endif
