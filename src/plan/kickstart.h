/* SPDX-License-Identifier: PostgreSQL */
/*
 * The answers that install a system without a question: kickstart/RELEASE.ks.in and kickstart/debian12.preseed.in
 * expanded. Pure text; who boots the installer with it, and cleans the result, is elsewhere.
 * First test to read: tests/unit/test_kickstart.c.
 */
#ifndef LABCTL_PLAN_KICKSTART_H
#define LABCTL_PLAN_KICKSTART_H

#include "family.h"
#include "lab.h"
#include "library.h"

struct install_repo { const char *name, *url; };

/* All that can differ between two installations of one release. Filled by install_init(), then changed at will. */
struct install {
	const struct release *release;
	const char *image;           /* name of the image that is made */
	const char *hostname;        /* until a node gets its own */
	const char *root_hash;       /* crypt(3); NULL = no password of root lets anybody in */
	const char *authorized_keys; /* one per line; "" = none (a node's seed brings its own) */
	const char *user;            /* of the cluster; NULL = none */
	const char *timezone, *locale, *keyboard;
	const char *ntp_server;      /* NULL = the release's own */
	const char *disk;            /* "vda"; all that is on it is lost */
	bool lvm;                    /* volumes as the installer likes them, not one file system in one partition */
	unsigned swap_mib;           /* 0 = none */
	const char *const *packages; unsigned package_count;           /* names in this release */
	const struct package *const *left_out; unsigned left_out_count; /* rows without a name in it */
	const char *services_on, *services_off; /* comma lists, "" = none (Enterprise Linux) */
	const char *selinux;         /* "disabled", "permissive", "enforcing" */
	bool firewall;               /* the release's own, SSH let through; off: tuning loads the lab's packet filter */
	const char *kernel_args;     /* the serial console */
	const char *media;           /* URL of an installation tree; NULL = the CD-ROM (Enterprise Linux) */
	const struct install_repo *repos; unsigned repo_count; /* beside a URL: "AppStream" from el8 on */
	const char *mirror_host, *mirror_dir, *mirror_proxy;   /* Debian; host is the caller's to set; proxy "" = none */
};

/*
 * What @lab says of its nodes, put in terms of @r: time zone, locale, NTP server, cluster user; packages by the
 * tables of family.h (Debian: those of the image that labctl builds); SELinux off in the profile `classic`, permissive
 * in others.
 * Borrows from @lab and @lib.
 */
int install_init(struct install *i, const struct lab *lab, const struct release *r, const char *image,
		 const struct library *lib, struct arena *a, struct fail *e);

/* Values that would break out of their line are refused (FAIL_USAGE). The result is the arena's. */
int kickstart_render(const struct install *i, const struct library *lib, struct arena *a, const char **ret_text,
		     struct fail *e);

#endif
