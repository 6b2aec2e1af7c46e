/* SPDX-License-Identifier: PostgreSQL */
/*
 * libvirt: domains, networks, facts. Only virt.c and its siblings virt_*.c include
 * libvirt.h. XML is passed as text; link/ never includes plan/.
 * Threads: all workers may use one struct virt; it opens connections as needed and
 * gives each call one of its own (libvirt allows only 5 calls at a time per connection).
 * Failures: FAIL_VIRT with libvirt's message, FAIL_CONFLICT for an object of that name that is not the lab's.
 */
#ifndef LABCTL_LINK_VIRT_H
#define LABCTL_LINK_VIRT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "facts.h"
#include "fail.h"
#include "strbuf.h"

struct virt;

/* @uri like "qemu:///system", "lxc:///system", "test:///default". Opens the first connection. */
int virt_open(const char *uri, struct virt **ret_virt, struct fail *e);
void virt_close(struct virt *v);
DEFINE_AUTO(struct virt *, virt_close)

/*
 * libvirt's calls have no deadlines and cannot be interrupted. From now on a separate thread calls @hang, once, for every
 * call that has run for @after_ms. @hang may end the program, or the daemon; it must not call libvirt.
 */
void virt_watch(int64_t after_ms, void (*hang)(void *ctx, const char *uri), void *ctx);

/*
 * Defines (from @xml) and starts a domain. An existing domain of this name is accepted only if its labctl tag
 * has @lab_uuid, else FAIL_CONFLICT. *ret_changed = false if it was already running. A defined but
 * stopped domain of ours is redefined and started.
 */
int virt_domain_start(struct virt *v, const char *name, const char *lab_uuid, const char *xml, bool *ret_changed,
		      struct fail *e);
/*
 * Gives a running domain of ours this size, and defines it so for its next start. A container changes at once; *ret_waits is what
 * a machine gets when it is started the next time ("memory", "processors", "memory and processors"), NULL = nothing. A domain
 * that is off is left alone.
 */
struct virt_size { uint64_t memory_mib; unsigned cpus, cpu_quota; /* in percent of one core; 0 = no limit */ };
int virt_domain_resize(struct virt *v, const char *name, const char *xml, const struct virt_size *size, bool *ret_changed,
		       const char **ret_waits, struct fail *e);
/* Limits the processor time of a running domain, until it ends; 0 = no limit. FAIL_HOST if the host cannot. Other tag or none: FAIL_CONFLICT. */
int virt_domain_quota(struct virt *v, const char *name, const char *lab_uuid, unsigned percent, bool *ret_changed, struct fail *e);
/* Destroys and undefines (also managed save, snapshots, NVRAM, TPM state). Missing: *ret_changed = false. Other tag or none: FAIL_CONFLICT. */
int virt_domain_remove(struct virt *v, const char *name, const char *lab_uuid, bool *ret_changed, struct fail *e);
/* Powers the domain off, as by pulling the plug; it stays defined. Missing or off: *ret_changed = false. Other tag or none: FAIL_CONFLICT. */
int virt_domain_off(struct virt *v, const char *name, const char *lab_uuid, bool *ret_changed, struct fail *e);
/*
 * Stops the processors of a running domain, lets them go on, presses the reset button of a machine, takes the cable out of its network
 * interfaces or puts it back. *ret_changed = false if it is in that state already. FAIL_VIRT if it is off. Other tag or none: FAIL_CONFLICT.
 */
enum virt_act { VIRT_PAUSE, VIRT_RESUME, VIRT_RESET, VIRT_UNPLUG, VIRT_PLUG };
int virt_domain_act(struct virt *v, const char *name, const char *lab_uuid, enum virt_act act, bool *ret_changed, struct fail *e);
/*
 * Writes the memory of a paused machine to the file @path, after which it is off; and lets it continue from there, paused. The second
 * does nothing if the machine is on, also if labctl was killed while libvirt saved it; *ret_whole = false, FAIL_VIRT: the file is not
 * complete. As long as libvirt takes. Other tag or none: FAIL_CONFLICT. virt_save.c
 */
int virt_domain_save(struct virt *v, const char *name, const char *lab_uuid, const char *path, struct fail *e);
int virt_domain_restore(struct virt *v, const char *name, const char *lab_uuid, const char *path, bool *ret_changed, bool *ret_whole,
			struct fail *e);
/*
 * Asks the domain's system to shut down and returns at once: a container's init by a signal that systemd knows, a machine by
 * its power button. Missing or off: nothing. Other tag or none: FAIL_CONFLICT. FAIL_VIRT also for a container that libvirt can
 * no longer signal: its system must be asked in another way, and libvirt will not notice its end.
 */
int virt_domain_ask_off(struct virt *v, const char *name, const char *lab_uuid, struct fail *e);
/* Tells libvirt of the end of such a container; nothing if it has not ended. Blocks for 3 s if it has. */
int virt_domain_end_lost(struct virt *v, const char *name, const char *lab_uuid, struct fail *e);
/*
 * State and reason for messages: "running", "shut off", "crashed (panicked)", "missing"... Never fails: *ret_active is
 * false only if libvirt says that the domain is not running.
 */
const char *virt_domain_state(struct virt *v, const char *name, bool *ret_active);
/* True if the domain certainly executes nothing (off, paused, crashed, missing); *ret_state is its state. */
bool virt_domain_stalled(struct virt *v, const char *name, const char **ret_state);
/*
 * Starts a container of the lab that ended at once again, to read what its first process prints on its console, which
 * libvirt keeps nowhere. Tries again and again, 7 s at most. Never fails; *ret_text is empty if nothing was read in time, and if
 * the container runs now.
 */
void virt_first_output(struct virt *v, const char *name, const char *lab_uuid, struct strbuf *ret_text);
/* A person at the console of a domain. */
struct virt_console_io {
	/* The console is open. */
	void (*opened)(void *ctx);
	/* Puts what was typed into @keys and returns how much; 0 = nothing within @wait_ms; -1 = the person leaves. */
	int (*typed)(void *ctx, char *keys, int size, int wait_ms);
	void (*show)(void *ctx, const char *text, size_t len);
	void *ctx;
};
/*
 * Connects a person with the console of a running domain until he leaves or the domain ends (*ret_ended). @force: ends
 * another session on this console first, else that is FAIL_VIRT.
 */
int virt_console(struct virt *v, const char *name, const char *lab_uuid, bool force, const struct virt_console_io *io,
		 bool *ret_ended, struct fail *e);
/*
 * Starts a guest that nothing else knows, from @xml, and watches it until it ends, is paused, or time is up; then removes
 * it. It also ends if labctl is killed. FAIL_VIRT: it could not be started. The caller clears the texts of *ret.
 */
struct virt_guest { const char *name, *xml, *console; int64_t timeout_ms; const atomic_bool *cancel; };
struct virt_boot {
	bool ended;             /* by itself */
	const char *state;      /* the last one, in words */
	int64_t ms;             /* from when its processor went on until the end */
	struct strbuf console, log; /* log: libvirt's of the guest, with what QEMU said */
};
int virt_guest_boot(struct virt *v, const struct virt_guest *guest, struct virt_boot *ret, struct fail *e);
/* The user that libvirt runs machines of @type ("kvm", "qemu") as, "+107:+107", in @a; NULL if it does not change users. */
int virt_dac_label(struct virt *v, const char *type, struct arena *a, const char **ret_label, struct fail *e);

int virt_network_start(struct virt *v, const char *name, const char *lab_uuid, const char *xml, bool *ret_changed,
		       struct fail *e);
int virt_network_remove(struct virt *v, const char *name, const char *lab_uuid, bool *ret_changed, struct fail *e);

/* All domains and networks with a labctl tag; with @lab_uuid only those of that lab (NULL = all). */
int virt_facts(struct virt *v, const char *lab_uuid, struct arena *a, struct facts *ret_facts, struct fail *e);

/* Calls @each for the domains and networks of a lab, with libvirt's XML. */
int virt_describe(struct virt *v, const char *lab_uuid, void (*each)(void *ctx, const char *name, const char *state, const char *xml),
		  void *ctx, struct fail *e);

/* The labctl tag of a domain or network; lab_uuid is NULL if it has none. Texts are in the arena. */
struct virt_tag {
	const char *lab, *lab_uuid, *node;
	const char *state; /* the lab's state directory; NULL in tags of older versions */
	const char *type; /* of a domain: "kvm", "qemu", "lxc", "test" */
};

/* Reads the tag from XML: false if it has none or is not well-formed. Needs no connection. */
bool virt_read_tag(const char *xml, struct arena *a, struct virt_tag *ret_tag);

/* Subnets (host order, prefix) of every libvirt network, for leases. */
struct subnet {
	uint32_t address, host; /* of the subnet, and of the host in it */
	unsigned prefix_len;
	const char *network;  /* name, or NULL */
	const char *lab, *lab_uuid, *state; /* from the network's labctl tag, or NULL */
};
int virt_subnets(struct virt *v, struct arena *a, struct subnet **ret, unsigned *ret_count, struct fail *e);

/* FAIL_CONFLICT: another state directory has a lab of this name. @kind and @name: the object found; @state NULL = not known. */
int virt_foreign(const char *kind, const char *name, const char *lab, const char *state, struct fail *e);

/* What a running domain has used since it was started; 0 = libvirt does not say (the disks of containers). */
struct virt_usage {
	bool known; /* false: it is not running */
	double cpu_s, memory_bytes, read_bytes, written_bytes, received_bytes, sent_bytes;
};
/* Fills in ret[i] for domains[i], in one call if the hypervisor's driver has one for all. */
int virt_usage(struct virt *v, const char *const *domains, unsigned count, struct virt_usage *ret, struct fail *e);

/* Library and daemon version as text "9.0.0". */
int virt_version(struct virt *v, char ret_text[32], struct fail *e);
/* QEMU's version, in the same form; for containers that of the kernel. */
int virt_hypervisor_version(struct virt *v, char ret_text[32], struct fail *e);

/*
 * True if KVM can work: the CPU has vmx or svm and /dev/kvm is writable (docs/why). @ret_why says what is missing.
 */
bool virt_kvm_works(const char **ret_why);

#endif
