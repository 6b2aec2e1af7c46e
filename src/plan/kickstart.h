/* SPDX-License-Identifier: PostgreSQL */
/*
 * Answer files for unattended installations, expanded from kickstart/RELEASE.ks.in and kickstart/debian.preseed.in.
 * Pure text; src/link/install boots the installer with it and generalizes the result.
 * First test to read: tests/unit/test_kickstart.c.
 */
#ifndef LABCTL_PLAN_KICKSTART_H
#define LABCTL_PLAN_KICKSTART_H

#include "family.h"
#include "lab.h"
#include "library.h"

struct install_repo { const char *name, *url; };

/* Everything that can differ between two installations of a release. Filled by install_init(); callers may change it. */
struct install {
	const struct release *release;
	const char *image;           /* name of the new image */
	const char *hostname;        /* until a node gets its own */
	const char *root_hash;       /* crypt(3); NULL = root cannot log in with a password */
	const char *authorized_keys; /* one per line; "" = none (a node gets its own from its seed) */
	const char *user;            /* the cluster's user; NULL = none */
	const char *timezone, *locale, *keyboard;
	const char *ntp_server;      /* NULL = the release's default */
	const char *disk;            /* "vda"; its content is lost */
	bool lvm;                    /* the installer's default volumes instead of one file system in one partition */
	unsigned swap_mib;           /* 0 = none */
	const char *const *packages; unsigned package_count;           /* names in this release */
	const struct package *const *left_out; unsigned left_out_count; /* rows without a name in it */
	const char *services_on, *services_off; /* comma lists, "" = none (Enterprise Linux) */
	const char *selinux;         /* "disabled", "permissive", "enforcing" */
	bool firewall;               /* the release's own, open for SSH; off: tuning loads the lab's packet filter */
	const char *kernel_args;     /* the serial console */
	const char *media;           /* URL of an installation tree; NULL = the CD-ROM (Enterprise Linux) */
	const struct install_repo *repos; unsigned repo_count; /* in addition to .media: "AppStream" from el8 on */
	const char *mirror_host, *mirror_dir, *mirror_proxy;   /* Debian; the caller sets the host; proxy "" = none */
};

/*
 * Fills *i for nodes of @lab that run @r: time zone, locale, NTP server and cluster user of the lab; packages from the
 * tables of family.h (Debian: those of the image that labctl builds); SELinux off in the profiles `classic` and
 * `classic-el5`, permissive in others. Borrows from @lab and @lib; the rest is allocated in @a.
 */
int install_init(struct install *i, const struct lab *lab, const struct release *r, const char *image,
		 const struct library *lib, struct arena *a, struct fail *e);

/* FAIL_USAGE for a value that would break out of its line. The result is allocated in @a. */
int kickstart_render(const struct install *i, const struct library *lib, struct arena *a, const char **ret_text,
		     struct fail *e);

#endif
