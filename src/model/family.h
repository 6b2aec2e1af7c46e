/* SPDX-License-Identifier: PostgreSQL */
/*
 * The differences between the operating systems of nodes, as tables of families, releases, packages and services. A new
 * system is new rows here and a template in kickstart/; of Debian also a row in kickstart/releases. All const, so thread-safe. First test to read:
 * tests/unit/test_family.c.
 */
#ifndef LABCTL_MODEL_FAMILY_H
#define LABCTL_MODEL_FAMILY_H

#include <stdbool.h>

enum family_id { FAMILY_DEBIAN, FAMILY_EL5, FAMILY_EL6, FAMILY_EL7PLUS, FAMILY_COUNT };
enum release_id { RELEASE_DEBIAN12, RELEASE_DEBIAN13, RELEASE_EL5, RELEASE_EL6, RELEASE_EL7, RELEASE_EL8, RELEASE_EL9,
		  RELEASE_EL10, RELEASE_COUNT };

/* Comma lists of algorithms, as libssh2 and ssh(1) take them. */
struct ssh_algorithms { const char *kex, *host_key, *ciphers, *macs; };

struct family {
	const char *name;            /* "debian", "el5", "el6", "el7plus" */
	const char *package_manager; /* "apt-get", "yum" */
	const char *package_query;   /* prints the version of the package named after it; fails when there is none */
	const char *service_manager; /* "systemctl", "chkconfig" */
	const char *firewall, *firewall_conf; /* service that loads the packet filter at boot ("nftables"); its rules file */
	const char *sysctl_conf, *limits_conf, *locale_conf; /* files that tuning may replace */
	const char *network;         /* what reads network_dir: "networkd", "ifcfg", "networkmanager" */
	const char *network_dir;
	const char *sshd;            /* service of the SSH server */
	const char *ntp, *ntp_conf;  /* service that keeps the time, its file */
	const char *ntp_pool;        /* the distribution's part of pool.ntp.org */
	const char *nfs;             /* mount options for the newest NFS version that works: see family.c */
	const char *sudo_group;
	const char *key_type;        /* newest key type that its OpenSSH supports, for ssh-keygen -t */
	const struct ssh_algorithms *ssh; /* old algorithms that its OpenSSH needs; NULL = today's defaults work */
	const char *seed;            /* the program on the node that reads its identity from the seed disk */
};

struct release {
	const char *name;            /* "el9" */
	const struct family *family;
	unsigned number;             /* 9 */
	const char *syntax;          /* version of its kickstart for ksvalidator -v; NULL = it takes a preseed */
	const char *template;        /* library file of its unattended installation */
	const char *suite;           /* archive suite (Debian), or NULL */
	const char *postgresql;      /* major version of PostgreSQL in labctl's image of it ("15"), or NULL = there is no such image */
};

/* One of them for ssh_config(5): .name "KexAlgorithms"; .sign "+" adds to the defaults, "" replaces them; .value a list. */
struct ssh_option { const char *name, *sign, *value; };
/* The i-th option for nodes of @f; false after the last, and at once when @f needs none. */
bool family_ssh_option(const struct family *f, unsigned i, struct ssh_option *ret);

extern const struct family families[FAMILY_COUNT];
extern const struct release releases[RELEASE_COUNT];
/* The names of all releases ("debian12"..."el10"), NULL at the end; for messages and suggest(). */
extern const char *const release_names[RELEASE_COUNT + 1];

/*
 * Finds a release by its name ("el9", "debian12"), its code name ("bookworm", "trixie") or the name of a rebuild or vendor:
 * "rocky9", "alma8", "centos5", "rhel7", "centos-stream10", "oracle8". NULL when unknown.
 */
const struct release *family_find(const char *word);
/* Guesses the release of a disk image from its vendor's file name: "Rocky-9-GenericCloud-Base.x86_64". NULL = unknown. */
const struct release *family_guess(const char *file_name);

/* A package: its name in the walk-through of 2013 or in Enterprise Linux, and its name in each release. */
struct package {
	const char *name;
	const char *names[RELEASE_COUNT]; /* NULL = the same name, "" = no such package: */
	const char *why;                  /* what replaces it, or why nothing has to */
};

/* The i-th row; NULL after the last. A node gets the packages of all rows. */
const struct package *family_package_row(unsigned i);
/* Name of @package in @r; "" when @r has none, with the reason (@ret_why may be NULL); NULL when there is no such row. */
const char *family_package(const struct release *r, const char *package, const char **ret_why);
/*
 * Value of the template name "family.FIELD", "family.release", "package.NAME" or "service.NAME" (several are separated by
 * blanks). "" when @r has none, NULL when there is no such row or field.
 */
const char *family_value(const struct release *r, const char *name);

/* A service that the walk-through switches on or off, by the name it has there. */
struct service {
	const char *name;
	bool on;
	const char *names[FAMILY_COUNT]; /* one or more, separated by blanks; "" = none */
};

const struct service *family_service_row(unsigned i); /* NULL after the last */

#endif
