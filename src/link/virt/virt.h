/* SPDX-License-Identifier: PostgreSQL */
/*
 * libvirt: domains, networks, facts. The only file that includes libvirt.h is virt.c
 * (and its siblings virt_*.c). XML arrives as text; link/ never includes plan/.
 * Threads: one struct virt may be used by all workers; it opens connections as needed
 * (a libvirt connection has 5 calls in flight) and hands each call one that is free.
 * Failures: FAIL_VIRT with libvirt's own sentence, FAIL_CONFLICT for a foreign object of that name.
 */
#ifndef LABCTL_LINK_VIRT_H
#define LABCTL_LINK_VIRT_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "facts.h"
#include "fail.h"

struct virt;

/* @uri like "qemu:///system", "lxc:///system", "test:///default". Opens the first connection. */
int virt_open(const char *uri, struct virt **ret_virt, struct fail *e);
void virt_close(struct virt *v);
DEFINE_AUTO(struct virt *, virt_close)

/*
 * libvirt's calls have no deadlines, and a thread cannot be taken out of one. From now on @hang is told, once, of every
 * call that has run for @after_ms, from a thread of its own: it may end the program, or the daemon. It must not call libvirt.
 */
void virt_watch(int64_t after_ms, void (*hang)(void *ctx, const char *uri), void *ctx);

/*
 * Define (from @xml) and start. An existing domain of this name is accepted only when its labctl tag
 * carries @lab_uuid, else FAIL_CONFLICT. *ret_changed = false when it was running already. A defined but
 * stopped domain of ours is redefined and started.
 */
int virt_domain_start(struct virt *v, const char *name, const char *lab_uuid, const char *xml, bool *ret_changed,
		      struct fail *e);
/* Destroy and undefine (managed save, snapshots, NVRAM, TPM state as well). Missing: ret_changed=false. Not tagged with @lab_uuid: FAIL_CONFLICT. */
int virt_domain_remove(struct virt *v, const char *name, const char *lab_uuid, bool *ret_changed, struct fail *e);
/*
 * "running", "shut off", "crashed (panicked)", "missing"...: state and reason for messages. Never fails: *ret_active is
 * false only where libvirt says that the domain does not run.
 */
const char *virt_domain_state(struct virt *v, const char *name, bool *ret_active);
/* Is it certain that the domain executes nothing now (off, paused, crashed, missing)? *ret_state says how. */
bool virt_domain_stalled(struct virt *v, const char *name, const char **ret_state);
int virt_network_start(struct virt *v, const char *name, const char *lab_uuid, const char *xml, bool *ret_changed,
		       struct fail *e);
int virt_network_remove(struct virt *v, const char *name, const char *lab_uuid, bool *ret_changed, struct fail *e);

/* All domains and networks with a labctl tag; with @lab_uuid only those of that lab (NULL = all). */
int virt_facts(struct virt *v, const char *lab_uuid, struct arena *a, struct facts *ret_facts, struct fail *e);

/* What the description of a domain or network says of itself; lab_uuid is NULL without a labctl tag. Texts are the arena's. */
struct virt_tag {
	const char *lab, *lab_uuid, *node;
	const char *state; /* the state directory of the lab's labctl; NULL in tags of before it was said */
	const char *type; /* of a domain: "kvm", "qemu", "lxc", "test" */
};

/* Of a description as text: false when it has no tag or is not well-formed. Needs no connection. */
bool virt_read_tag(const char *xml, struct arena *a, struct virt_tag *ret_tag);

/* Subnets (host order, prefix) of every libvirt network, for leases. */
struct subnet {
	uint32_t address;
	unsigned prefix_len;
	const char *network;  /* name, or NULL */
	const char *lab, *lab_uuid, *state; /* from the network's labctl tag, or NULL */
};
int virt_subnets(struct virt *v, struct arena *a, struct subnet **ret, unsigned *ret_count, struct fail *e);

/* FAIL_CONFLICT: a lab of this name is another labctl's. @kind and @name say what was met; @state may be NULL (not known). */
int virt_foreign(const char *kind, const char *name, const char *lab, const char *state, struct fail *e);

/* Library and daemon version as text "9.0.0". */
int virt_version(struct virt *v, char ret_text[32], struct fail *e);

/*
 * Where KVM can work: CPU flags say vmx/svm and /dev/kvm is writable (docs/why). @ret_why says which is missing.
 */
bool virt_kvm_works(const char **ret_why);

#endif
