/* SPDX-License-Identifier: PostgreSQL */
/* What was observed of a lab: plain data, filled by exec/ from libvirt, read by plan/ and cli/. */
#ifndef LABCTL_MODEL_FACTS_H
#define LABCTL_MODEL_FACTS_H

#include <stdbool.h>

/* A libvirt domain that carries a labctl tag. */
struct fact_domain {
	const char *name, *uuid;
	const char *lab, *lab_uuid, *node;  /* from the tag */
	const char *lab_state;              /* the state directory that the tag names; NULL in old tags */
	const char *type;                   /* "kvm", "qemu", "lxc" */
	bool active;
	const char *state;                  /* libvirt's, in words: "running", "paused (by a user)", "shut off"... */
	bool runs;                          /* active, and neither paused nor suspended nor crashed nor lost */
	unsigned host;                      /* where it is: a position in the lab's hosts; 0 = here */
	bool lost;                          /* has ended without libvirt's notice */
};

struct fact_network {
	const char *name, *lab, *lab_uuid;
	const char *state;                  /* the state directory that the tag names; NULL in old tags */
	bool active;
	unsigned host;
};

struct facts {
	struct fact_domain *domains; unsigned domain_count;
	struct fact_network *networks; unsigned network_count;
	const char *const *silent;          /* per host of the lab: why nothing is known of it; NULL = it answered. NULL = all did */
};

#endif
