/* SPDX-License-Identifier: PostgreSQL */
/*
 * What differs between the systems that nodes run: one table of families, one of their releases, one of packages and
 * one of services. Adding a system is adding rows here and a template to kickstart/. First test to read:
 * tests/unit/test_family.c.
 */
#ifndef LABCTL_MODEL_FAMILY_H
#define LABCTL_MODEL_FAMILY_H

#include <stdbool.h>

enum family_id { FAMILY_DEBIAN, FAMILY_EL5, FAMILY_EL6, FAMILY_EL7PLUS, FAMILY_COUNT };
enum release_id { RELEASE_DEBIAN12, RELEASE_EL5, RELEASE_EL6, RELEASE_EL7, RELEASE_EL8, RELEASE_EL9, RELEASE_EL10,
		  RELEASE_COUNT };

/* Algorithms as libssh2 and ssh(1) list them. */
struct ssh_algorithms { const char *kex, *host_key, *ciphers, *macs; };

struct family {
	const char *name;            /* "debian", "el5", "el6", "el7plus" */
	const char *package_manager; /* "apt-get", "yum" */
	const char *package_query;   /* prints the version of the package named after it; fails when there is none */
	const char *service_manager; /* "systemctl", "chkconfig" */
	const char *firewall, *firewall_conf; /* whose rules are loaded at boot: "nftables", "iptables"; its file */
	const char *sysctl_conf, *limits_conf, *locale_conf; /* files that tuning may write as a whole */
	const char *network;         /* who reads network_dir: "networkd", "ifcfg", "networkmanager" */
	const char *network_dir;
	const char *sshd;            /* service of the SSH server */
	const char *ntp, *ntp_conf;  /* service that keeps the time, its file */
	const char *ntp_pool;        /* the distribution's part of pool.ntp.org */
	const char *nfs;             /* mount options of the newest NFS that its releases share */
	const char *sudo_group;
	const char *key_type;        /* newest type of key that its SSH knows, for ssh-keygen -t */
	const struct ssh_algorithms *ssh; /* what its SSH lacks today's for; NULL = it has today's */
	const char *seed;            /* the program that takes a node's identity from the seed disk */
};

struct release {
	const char *name;            /* "el9" */
	const struct family *family;
	unsigned number;             /* 9 */
	const char *syntax;          /* its kickstart as ksvalidator -v calls it; NULL = answered by a preseed */
	const char *template;        /* library file of its unattended installation */
	const char *suite;           /* archive suite (Debian), or NULL */
};

/* The same as ssh_config(5) has it: "KexAlgorithms" is "+", beside its own, or "", instead of them, and a list. */
struct ssh_option { const char *name, *sign, *value; };
/* i-th of them for nodes of @f; false after the last, and where nothing is lacking. */
bool family_ssh_option(const struct family *f, unsigned i, struct ssh_option *ret);

extern const struct family families[FAMILY_COUNT];
extern const struct release releases[RELEASE_COUNT];
/* All words of releases ("debian12"..."el10"), NULL at the end: for messages and suggest(). */
extern const char *const release_names[RELEASE_COUNT + 1];

/*
 * "el9", "debian12", and by the names of those who rebuild it or sell it: "rocky9", "alma8", "centos5", "rhel7",
 * "centos-stream10", "oracle8", "bookworm". NULL when unknown.
 */
const struct release *family_find(const char *word);
/* What a disk holds, by the name that its vendor gave the file: "Rocky-9-GenericCloud-Base.x86_64". NULL = it does not say. */
const struct release *family_guess(const char *file_name);

/* A package by the name that the walk-through of 2013 or Enterprise Linux has for it, in every release. */
struct package {
	const char *name;
	const char *names[RELEASE_COUNT]; /* NULL = the same name, "" = there is none: */
	const char *why;                  /* what stands in for it, or why nothing needs to */
};

/* i-th row: all of them make up a node; NULL after the last. */
const struct package *family_package_row(unsigned i);
/* Name of @package in @r; "" when it has none, with the reason (@ret_why may be NULL); NULL when no row has it. */
const char *family_package(const struct release *r, const char *package, const char **ret_why);
/*
 * Value of a template's name: "family.FIELD", "family.release", "package.NAME", "service.NAME" (several are separated by
 * blanks). "" when there is none in @r, NULL when no row or field has that name.
 */
const char *family_value(const struct release *r, const char *name);

/* The services that the walk-through switches, by its names. */
struct service {
	const char *name;
	bool on;
	const char *names[FAMILY_COUNT]; /* one or more, separated by blanks; "" = there is none */
};

const struct service *family_service_row(unsigned i); /* NULL after the last */

#endif
