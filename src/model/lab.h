/* SPDX-License-Identifier: PostgreSQL */
/*
 * struct lab: every decision, made before the first action. Built in one
 * arena by lab_load() -> lab_complete() -> lab_check(), const afterwards, shared
 * by all threads. Pure: nothing here looks at the host, except lab_load(), which
 * reads the lab file. First test to read: tests/unit/test_lab.c.
 */
#ifndef LABCTL_MODEL_LAB_H
#define LABCTL_MODEL_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "fail.h"
#include "strbuf.h"

#define LAB_FILE_MAX_BYTES (1u << 20)
#define LAB_NAME_MAX 24     /* domain names are LAB-NODE and must fit into tables; bridge names use the uuid instead */
#define LAB_NODES_MAX 1024  /* a /21; plans stay under 100 MB */
#define LAB_HOSTS_MAX 32
#define LAB_ROLES_MAX 16    /* roles of one recipe: node->roles is a bit set */
#define DB_USERS_MAX 256    /* of one cluster */
#define DB_USER_SECRET "user-" /* prefix of the secret with a user's password: "user-NAME" */

enum hypervisor { HYPERVISOR_AUTO, HYPERVISOR_KVM, HYPERVISOR_QEMU, HYPERVISOR_LXC, HYPERVISOR_COUNT };
enum transport { TRANSPORT_AUTO, TRANSPORT_NFS, TRANSPORT_FILESYSTEM, TRANSPORT_COUNT }; /* filesystem: lxc only */
enum boot { BOOT_BIOS, BOOT_UEFI, BOOT_COUNT }; /* firmware, for disks with a boot loader only */
enum seed_reader { SEED_NOCLOUD, SEED_LABCTL, SEED_COUNT }; /* what reads a node's identity on such a disk: cloud-init or labctl's own program */
enum packing { PACKING_SPREAD, PACKING_PACK, PACKING_COUNT }; /* of nodes that no host names */
enum nfs_server { NFS_AUTO, NFS_KERNEL, NFS_GANESHA, NFS_COUNT };

extern const char *const hypervisor_names[HYPERVISOR_COUNT + 1]; /* "auto", "kvm"...; NULL at the end */
extern const char *const transport_names[TRANSPORT_COUNT + 1];
extern const char *const nfs_server_names[NFS_COUNT + 1];
extern const char *const boot_names[BOOT_COUNT + 1];
extern const char *const seed_names[SEED_COUNT + 1];

struct release;
struct recipe;
struct config;
struct origin;

struct net {
	uint32_t subnet;         /* host byte order; 0 = lease one at create */
	unsigned prefix_len;     /* 16..29 */
	unsigned first_host;     /* host number of node 1 in the subnet; 0 = default (11) */
	uint32_t gateway;        /* the host's own address, the first of the subnet; host byte order */
	const char *domain;      /* DNS domain, "lab.internal" by default */
	const char *hostname;    /* template: @{node} @{index} @{ip.dashed} @{octet}; default "@{node}" */
	char bridge[16];         /* "lab" + 8 hex digits of the lab's uuid */
};

/*
 * A hypervisor of a lab on several: `hosts`. The first one is the machine that labctl runs on: it has the network's gateway, DHCP
 * and names. The others are reached over ssh, where the same labctl does what needs the host's own files (exec/hosts.h).
 */
struct host {
	const char *name;        /* a DNS label */
	const char *ssh;         /* what `ssh` connects to; NULL = here */
	unsigned cpus; uint64_t memory_mib; /* what its nodes may have; 0 = no limit */
	const char *nodes;       /* selector; when complete, the names of its nodes, or "none" */
	uint32_t underlay;       /* its address for the traffic between hosts; host byte order */
	unsigned number;         /* its address in the lab's subnet depends on it: host_address(); 0 = its position. A host that leaves leaves a gap */
	bool given_up;           /* it never comes back: `labctl host give-up`. Nothing is asked of it or sent there; its nodes can only be removed */
};
/* Of the nodes of a lab on several hosts: what VXLAN leaves of an Ethernet frame of 1500 bytes. */
#define UNDERLAY_MTU 1500u
#define VXLAN_BYTES 50u

struct node {
	unsigned index;          /* 1.. */
	const char *name;        /* "node1"; a DNS label */
	const char *hostname;    /* short host name */
	const char *fqdn;        /* hostname.domain */
	unsigned host;           /* its position in the lab's hosts; 0 = the machine that labctl runs on */
	const char *domain;      /* libvirt domain name: LAB-NODE */
	char uuid[37];
	uint32_t ip;             /* host byte order; 0 while the subnet is not leased */
	char ip_text[16];
	char mac[18];            /* 52:54 + the four octets of the address: unique wherever the address is */
	unsigned cpus;
	uint64_t memory_mib;
	uint64_t disk_gib;
	const char *export_dir;  /* host directory that the node mounts as its data directory, absolute */
	uint32_t roles;          /* bit i = role i of the cluster's recipe */
	unsigned role_index[LAB_ROLES_MAX]; /* 1.. among the nodes with that role; 0 = it does not have the role */
};

struct data {
	enum transport transport;
	enum nfs_server server;
	const char *export_root; /* NULL = below the lab's state directory */
	const char *export_name; /* template like net.hostname; default "@{node}" */
	const char *mount;       /* in the guest; default /data */
	const char *options;     /* export options, default "rw,no_root_squash,sync" */
	const char *mount_options; /* default "vers=4.2,proto=tcp,hard" */
};

struct tuning {
	const char *profile;     /* a directory of tuning/os/, one of tuning_profiles */
	const char *timezone;    /* zoneinfo name */
	const char *locale;
	const char *ntp_server;  /* or NULL */
};

struct setting { const char *role, *key, *value; };         /* a configuration line that the lab file sets */
/* A database user besides the superuser. The secret DB_USER_SECRET + name is the password. */
struct db_user { const char *name; const char *databases; bool reads_only; }; /* databases = "gis,osm"; NULL = all */
struct group { const char *name; const char *members; };    /* node group; members = node names "node3,node4", in node order */

/* Filled from the recipe by lab_complete(), overridden by the lab file. One per role of the recipe. */
struct role_place {
	const char *role;
	const char *on;          /* selector: "1", "3-8", "node2"; NULL = not used */
	const char *numbers;     /* "1,3": the numbers of its servers, in node order; NULL = 1, 2, 3... A removed one leaves a gap */
	unsigned port;
	const char *dir;         /* absolute data directory in the guest */
	const char *name;        /* template of the cluster's own node name: "datanode_@{index}" (also @{node}); see lab_role_name() */
	int line;                /* of the lab file, 0 = default */
	bool given;              /* the lab file says .on */
};

struct cluster {
	const struct recipe *recipe;  /* NULL = the lab has no cluster */
	const char *archive;     /* path or URL of the source archive, NULL = none */
	const char *sha256;      /* 64 hex digits or NULL */
	const char *configure;   /* options for configure; NULL = the recipe's */
	const char **patches; unsigned patch_count; /* absolute paths, applied to the archive's content in this order */
	const char *prefix;      /* installation directory in the guest */
	bool by_ip;              /* `address: ip`: nodes refer to each other by IP address instead of host name */
	bool no_restart;         /* `restart: false`: a server that crashed stays down until bootstrap, for experiments */
	const char *promoted;    /* node that took over the recipe's .takeover role: lab_promote(); NULL = where .places put it */
	const char *user;        /* operating-system user of the daemons */
	struct role_place *places; unsigned place_count;
	struct setting *settings; unsigned setting_count;
	struct group *groups; unsigned group_count;
	struct db_user *users; unsigned user_count;
};

/* Where the software of a kind is published, by kind; NULL = where the recipe says. Every kind that is built has a field. */
struct sources { const char *citus, *opentenbase, *pgxc, *pgxl; };

struct lab {
	struct arena *arena;     /* owns everything below; freed by lab_free() */
	const char *file;        /* path of the lab file, for messages; NULL = command line only */
	const char *name;
	char uuid[37];           /* identity of the lab, in tags and marks: lab_set_id(); derived from the name until then */
	const char *state_dir;   /* where its record is, from the options; in the tags for people to read */
	enum hypervisor hypervisor;
	const char *image;       /* "debian12", or a disk with a boot loader by path, URL or name in the store: lab_boots_disk() */
	struct disk_image { const char *sha256, *stored, *release; enum boot boot; enum seed_reader seed; } disk_image; /* of such a disk; .stored is its name */
	const struct release *release; /* what the nodes run (family.h); never NULL, Debian for an unknown disk */
	struct net net;
	unsigned cpus; uint64_t memory_mib, disk_gib; /* defaults of the nodes */
	unsigned cpu_quota;      /* processor time that each node may use, in percent of one core; 0 = no limit */
	struct node *nodes; unsigned node_count;
	struct host *hosts; unsigned host_count; /* 0 = only the machine that labctl runs on; 1 = the same, but others can join it */
	enum packing packing;
	struct data data;
	struct tuning tuning;
	struct cluster cluster;
	bool autostart;          /* `labctl autostart`, which the host runs at boot, starts it */
	const char *ttl;         /* "8h": `labctl gc --expired` removes the lab so long after its create; NULL = never. exec/lifetime.h */
	struct sources sources;
	const struct origin *origins; unsigned origin_count; /* lab_line() */
};

/* A problem of the lab file. Lines count from 1; 0 = no line. @file NULL = the lab file. */
struct problem { int line; const char *key; const char *text; const char *file; };
struct problems { struct problem *items; unsigned count; struct arena *arena; };
__attribute__((format(printf, 4, 5))) void problem_add(struct problems *p, int line, const char *key, const char *fmt, ...);
/* 0 if there is none; else FAIL_LAB: the first problem, and all in the order of lines as evidence. @file NULL = "command line". */
int problems_fail(const struct problems *p, const char *file, struct fail *e);

/* A disk that was installed or imported under a name: `image: NAME`. */
struct stored_disk { const char *name; enum boot boot; enum seed_reader seed; const char *release; /* NULL = not known */ };

/* Values from the command line and the environment; 0 / NULL = not given. */
struct lab_options {
	const char *name;              /* -l */
	unsigned node_count;           /* create N */
	const char *kind;              /* bootstrap KIND */
	const char *archive;           /* --source */
	enum hypervisor hypervisor;    /* --hypervisor */
	const char *image;             /* --image: a word, an absolute path or a URL */
	const char *dir;               /* base of the file's relative paths; NULL = the file's own directory */
	const char *state_dir;         /* absolute; default of export_root is STATE/labs/NAME/data */
	const struct stored_disk *stored; unsigned stored_count; /* the disks in the store */
	const struct config *config;   /* defaults below the lab file (config.h); NULL = none */
	const struct lab *has;         /* the lab as it exists: keeps its values where only @config sets them, and its nodes their hosts; NULL = a new lab */
};

/*
 * Read @path (NULL = an empty lab file) and complete it: defaults, placement, names, addresses.
 * All problems of the file are collected; with any, returns -1 with FAIL_LAB whose text holds
 * the first and whose evidence holds all, one per line: "FILE:LINE: KEY.PATH: text (did you mean X?)".
 * A missing file is FAIL_NOT_FOUND. The result is the caller's (lab_free).
 */
int lab_load(const char *path, const struct lab_options *o, struct lab **ret_lab, struct fail *e);
void lab_free(struct lab *lab);
DEFINE_AUTO(struct lab *, lab_free)

/* The same from text (@file names it in messages). For saved labs, tests and fuzzing. */
int lab_parse(const char *text, size_t len, const char *file, const struct lab_options *o, struct lab **ret_lab,
	      struct fail *e);

/* Line of @key ("defaults.memory") in the lab file that was read; 0 = it is not there. */
int lab_line(const struct lab *lab, const char *key);
/* What `sources` says about @kind: path or URL; NULL = nothing. */
const char *lab_source(const struct sources *sources, const char *kind);
/*
 * The source of a cluster that is built and names none: the lab's `sources`, those of @config (may be NULL), or where the
 * version for the lab's image is published, if labctl knows that. Nothing for nodes that boot a disk which may have the software. FAIL_LAB if
 * `sources` names a version that does not run on the image.
 */
int lab_default_source(struct lab *lab, const struct config *config, struct fail *e);

/* Prefix length of a subnet that has room for the nodes: the lab file's, else at most 24. */
unsigned lab_prefix_len(const struct lab *lab);

/*
 * Sets uuid and bridge from the id (a UUID) that state_identify() takes from the record. Two state directories may have
 * labs with the same name; the id tells which of them a tag means.
 */
void lab_set_id(struct lab *lab, const char *uuid);

/* Give a lab without a subnet its leased one: sets gateway, addresses, MACs, host names. */
void lab_set_subnet(struct lab *lab, uint32_t subnet, unsigned prefix_len);

/* Set the cluster kind (and source archive) of a lab without one; places its roles. FAIL_LAB with evidence as lab_load(). */
int lab_set_cluster(struct lab *lab, const char *kind, const char *archive, struct fail *e);

const struct node *lab_find_node(const struct lab *lab, const char *name); /* NULL when there is none */
/* The node that has the recipe's .takeover role now; NULL if the kind has none. */
const struct node *lab_leader(const struct lab *lab);
/*
 * Gives @n the takeover role, and its old server the role and number that @n had; relative to .places, so that only the last
 * promotion counts. The lab file's own node may be named again. FAIL_USAGE if @n cannot have it.
 */
int lab_promote(struct lab *lab, const struct node *n, struct fail *e);

/*
 * A copy of @has with @count more nodes that have the role @role (NULL = none) and the one that it must be beside. Names,
 * addresses and numbers of the others stay. FAIL_LAB if the role cannot have more, or there is no address left. The result is
 * the caller's.
 */
int lab_grow(const struct lab *has, unsigned count, const char *role, struct lab **ret, struct fail *e);
/* A copy of @has with the hosts of @file that it lacks, which have no nodes yet; NULL if there are none. @file was read with @has as .has. */
int lab_add_hosts(const struct lab *has, const struct lab *file, struct lab **ret, struct fail *e);
/* A copy of @has without @gone. FAIL_LAB if the others are too few for the cluster. The result is the caller's. */
int lab_shrink(const struct lab *has, const struct node *gone, struct lab **ret, struct fail *e);

/*
 * A copy of @has, a lab in containers, with another name: without a subnet, in the default place, without a lifetime. FAIL_CONFLICT if
 * what its servers have on their disks depends on its addresses. The result is the caller's.
 */
int lab_rename(const struct lab *has, const char *name, const char *state_dir, struct lab **ret, struct fail *e);

/* The resolved lab as a lab file that lab_parse() reads back to an equal lab; saved beside the lab's state. */
void lab_print(const struct lab *lab, struct strbuf *out);

/*
 * Selector: "all", a name, a number, a range or a comma list of those ("1-3,5", "node2,node4"), and/or @role
 * (NULL = any). Sets ret_set[i] for node i+1; FAIL_USAGE with the nearest known word; FAIL_NOT_FOUND when empty.
 */
int lab_select(const struct lab *lab, const char *selector, const char *role, bool *ret_set, struct fail *e);

/* The words of the key `access`, by .reads_only. */
extern const char *const access_words[];
const struct db_user *db_user_find(const struct cluster *c, const char *name); /* NULL when there is none */
/* Why a database user of this kind of cluster cannot be called @name ("is the superuser..."); NULL = fine. */
const char *db_user_taken(const struct recipe *r, const char *name);
/* What is wrong with the name of a lab, a lifetime, the name of a database user, a comma list of databases ("must be ..."); NULL = fine. */
const char *form_lab_name(const char *t);
const char *form_ttl(const char *t);
const char *form_db_user(const char *t);
const char *form_databases(const char *t);

/* True when the nodes boot a disk image with its own boot loader, instead of an image that labctl builds. */
static inline bool lab_boots_disk(const struct lab *lab)
{
	return strchr(lab->image, '/') || lab->disk_image.stored;
}
/* True for the tuning profiles that keep the values of the walk-through of 2013: `classic` and `classic-el5`. */
static inline bool lab_is_classic(const struct lab *lab)
{
	return !strncmp(lab->tuning.profile, "classic", 7);
}
/* True when the nodes mount NFS version 3. NFS-Ganesha is configured for version 4 only. */
bool lab_mounts_nfs3(const struct lab *lab);
/* True when cloud-init sets up the identity of the nodes. */
static inline bool lab_uses_cloud_init(const struct lab *lab)
{
	return lab_boots_disk(lab) && lab->disk_image.seed == SEED_NOCLOUD;
}

/* How many hosts a lab has. */
static inline unsigned lab_hosts(const struct lab *lab)
{
	return lab->host_count ? lab->host_count : 1;
}
/*
 * The address of a host's bridge in the lab's subnet; 0 while there is none. The first host is the gateway; the others have the last
 * addresses, which no node gets, and only their own nodes ask them for something: the data that they serve.
 */
uint32_t host_address(const struct lab *lab, unsigned host);
/* Is it one of these? */
bool host_has_address(const struct lab *lab, uint32_t ip);
/* What the nodes of a host have together. */
struct host_load { unsigned nodes, cpus; uint64_t memory_mib; };
struct host_load host_load(const struct lab *lab, unsigned host);
/* Has it a part of the lab: has it nodes, and was not given up? The machine that labctl runs on always has. */
bool host_is_used(const struct lab *lab, unsigned host);
bool lab_spans_hosts(const struct lab *lab); /* another host than the one that labctl runs on has nodes */
bool host_holds(const struct lab *lab, unsigned host); /* has it nodes, whether it was given up or not? */
/* Is the node on a host that was given up? */
static inline bool node_is_given_up(const struct lab *lab, const struct node *n)
{
	return lab->host_count && lab->hosts[n->host].given_up;
}
/* FAIL_CONFLICT while the lab has nodes on a host that was given up: they can be neither made nor started. */
int lab_check_given_up(const struct lab *lab, struct fail *e);
unsigned host_number(const struct lab *lab, unsigned host); /* .number, or its position */
const struct host *host_find(const struct lab *lab, const char *name); /* NULL when there is none */
/* "node3,node4": the nodes of host number @host, in @a; "none". */
const char *host_nodes(const struct lab *lab, unsigned host, struct arena *a);
static inline const char *node_host_name(const struct lab *lab, const struct node *n)
{
	return lab->host_count ? lab->hosts[n->host].name : NULL;
}

/* Role number @role_name of the lab's recipe, or -1. */
int lab_role(const struct lab *lab, const char *role_name);
static inline bool node_has_role(const struct node *n, int role)
{
	return role >= 0 && (n->roles >> role & 1);
}

/* True when the cluster's software is built from source. With software in the image, only a named archive is built. */
bool lab_builds(const struct lab *lab);

/* True for the node whose number in role number @role is the lowest. */
bool node_is_first(const struct lab *lab, const struct node *n, int role);

/* The name that @n has inside the cluster as role number @role ("datanode_1"); "" when it does not have that role. */
void lab_role_name(const struct lab *lab, const struct node *n, int role, char ret_name[64]);

/* "10.0.0.1" of a host-order address. */
void ip_format(uint32_t ip, char ret_text[16]);
bool ip_parse(const char *text, uint32_t *ret_ip);

/* "8GiB", "512MiB", "1024MB" -> MiB. Units: MiB GiB TiB (powers of 1024) and MB GB TB (read the same, as PostgreSQL does); false when malformed. */
bool size_parse_mib(const char *text, uint64_t *ret_mib);

#endif
