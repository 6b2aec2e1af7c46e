/* SPDX-License-Identifier: PostgreSQL */
/* Domain and network XML: templates of domains/ edited as libxml2 trees, never printed by hand. Results are in @a. */
#ifndef LABCTL_PLAN_XML_H
#define LABCTL_PLAN_XML_H

#include "lab.h"
#include "library.h"

/* Absolute paths of a node's files on the host, chosen by exec/ (paths.h). */
struct node_paths {
	const char *disk;     /* qcow2 overlay (kvm, qemu) */
	const char *base;     /* the image's disk, below it; kvm and qemu */
	const char *seed;     /* raw tar with the node's identity (kvm, qemu) */
	const char *root;     /* mounted overlay of the root tree (lxc) */
	const char *console;  /* serial console log */
	const char *kernel, *initrd; /* the node's copies of the image's (kvm, qemu) */
	bool copied;          /* its disk is of another lab (kvm, qemu): seed_forget() runs before init */
};

int xml_domain(const struct lab *lab, const struct node *n, const struct node_paths *paths, const struct library *lib,
	       struct arena *a, const char **ret_xml, struct fail *e);
/* A guest that boots an image and powers itself off. @label: the user it runs as, "+107:+107"; NULL = libvirt does not change users. */
struct xml_guest { const char *name, *type, *disk, *kernel, *initrd, *label, *console; };
int xml_guest(const struct xml_guest *g, const struct library *lib, struct arena *a, const char **ret_xml, struct fail *e);
/* @host: a position in the lab's hosts. The first one has gateway, DHCP and names; the others are joined to it. */
int xml_network(const struct lab *lab, unsigned host, const struct library *lib, struct arena *a, const char **ret_xml, struct fail *e);

#endif
