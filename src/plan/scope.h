/* SPDX-License-Identifier: PostgreSQL */
/*
 * The names that templates may use (docs/format/templates.md is the list). Values:
 *   lab.name lab.domain subnet ("10.0.0.0/24": address and length) subnet.prefix ("24") gateway hypervisor is_container
 *   data.source ("ADDRESS:EXPORT" on the node's host) data.transport data.mount data.mount_options data.options node.name index octet
 *   ip ip.dashed hostname fqdn address (ip or hostname, as cluster.address says) memory_mib cpus
 *   user superuser database prefix build_prefix role dir port port.next nodename (of the scope's role)
 *   ROLE.address ROLE.ip ROLE.hostname ROLE.fqdn ROLE.port ROLE.dir ROLE.nodename ROLE.count (first node with ROLE)
 *   self.ROLE ("true" when the node has ROLE) limit.coordinators limit.datanodes limit.pool limit.backends (Postgres-XC)
 *   mem.D.M (1/D of the node's memory, at least M MB: "256MB")
 *   rule (the recipe's rule that the script belongs to: "standby.start")
 *   gone.name gone.ROLE.FIELD (the node that leaves, fields as of ROLE; empty if it does not have the role)
 *   db.name db.template db.force db.adopt db.database (arguments of a task: plan_task())
 *   timezone locale ntp_server profile
 *   family.FIELD family.release package.NAME service.NAME (what the nodes run: family_value())
 *   secret.NAME, value.NAME (placeholders until a worker resolves them, payload.h)
 * Lists: @{each node}, @{each ROLE} with peer.name peer.ip peer.hostname peer.fqdn peer.address peer.index
 *   peer.port peer.dir peer.nodename peer.first peer.self; @{each setting} with setting.key setting.value
 *   (pins of the scope's role); @{each backend}, the nodes of the recipe's .backends, also with peer.position (0..);
 *   @{each template} with template.name template.extensions; @{each dbuser} with dbuser.name dbuser.access dbuser.password
 *   dbuser.databases ("gis osm", empty = every one) dbuser.hba (the same for pg_hba.conf); @{each group} with group.name group.members (quoted identifiers, comma list).
 */
#ifndef LABCTL_PLAN_SCOPE_H
#define LABCTL_PLAN_SCOPE_H

#include "lab.h"
#include "library.h"
#include "template.h"

struct payload;
struct rule;

/* Texts that are the same on every node of a lab, expanded once: 1,000 nodes have 1,000 lines of /etc/hosts each. */
struct scope_cache {
	struct arena *arena;      /* owns the texts */
	struct cached { const char *name; int role; enum quote bare; const char *text; } *items;
	unsigned count;
	const struct payload *tuning; /* result of script_tuning() when it is the same for all nodes */
};

struct scope {
	const struct lab *lab;
	const struct node *node;  /* NULL = host level */
	int role;                 /* of the recipe, or -1 */
	struct arena *arena;      /* owns the values */
	struct scope_cache *cache; /* of this lab, or NULL; set after scope_init() */
	const struct db_request *db; /* arguments of a task, or NULL; set after scope_init() */
	const struct rule *rule;  /* whose file is expanded, or NULL; set after scope_init() */
	const struct node *gone;  /* the node that leaves, of another struct lab, or NULL; set after scope_init() */
	bool used_node;           /* out: true when a value was read that differs between nodes */
	/* private to scope.c */
	const struct node *peer; int peer_role; const struct setting *setting; const struct group *group;
	const struct database_template *template; const struct db_user *dbuser; unsigned position;
	char buffer[64];
};

void scope_init(struct scope *s, const struct lab *lab, const struct node *node, int role, struct arena *a);
/* Value of a name, NULL when there is none; valid until the next call. */
const char *scope_value(struct scope *s, const char *name);
/* Expand library file @name; @bare as in template_expand(). Result is allocated in .arena. FAIL_OTHER with file and line. */
int scope_expand(struct scope *s, const struct library *lib, const char *name, enum quote bare, const char **ret_text,
		 struct fail *e);
/* Expand a short text that is not from a file (destination paths, hostname templates). */
int scope_expand_text(struct scope *s, const char *what, const char *text, enum quote bare, const char **ret_text,
		      struct fail *e);
/* @bare for a file, by its name: scripts and SQL need a kind everywhere, anything else is plain text. */
enum quote scope_bare(const char *name);

/* How nodes get their data directories: containers by a bind mount, machines by NFS. Never TRANSPORT_AUTO. */
enum transport lab_transport(const struct lab *lab);

#endif
