/* SPDX-License-Identifier: PostgreSQL */
/* The names of templates: tables of name -> function. docs/format/templates.md lists them for people. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "payload.h"
#include "plan.h"
#include "recipe.h"
#include "scope.h"

enum transport lab_transport(const struct lab *lab)
{
	/* A container does not mount NFS: the host mounts the same directory into it. */
	return lab->hypervisor == HYPERVISOR_LXC ? TRANSPORT_FILESYSTEM : TRANSPORT_NFS;
}

void scope_init(struct scope *s, const struct lab *lab, const struct node *node, int role, struct arena *a)
{
	*s = (struct scope){ .lab = lab, .node = node, .role = role, .arena = a };
}

/* --- small values, written into the scope's buffer: valid until the next call --- */

static const char *number(struct scope *s, uint64_t n)
{
	snprintf(s->buffer, sizeof s->buffer, "%llu", (unsigned long long)n);
	return s->buffer;
}

static const char *truth(bool b)
{
	return b ? "true" : "false";
}

static const char *text(const char *t)
{
	return t ? t : "";
}

/* "8.16": a PostgreSQL size, 1/8 of the node's memory in whole MB, at least 16MB. */
static const char *share(struct scope *s, const char *name)
{
	unsigned part, min_mib;
	uint64_t mib;
	int end = 0;

	if (!s->node || sscanf(name, "%4u.%5u%n", &part, &min_mib, &end) != 2 || name[end] || !part)
		return NULL;
	s->used_node = true;
	mib = s->node->memory_mib / part;
	snprintf(s->buffer, sizeof s->buffer, "%lluMB", (unsigned long long)(mib > min_mib ? mib : min_mib));
	return s->buffer;
}

static const char *role_name(struct scope *s, const struct node *n, int role)
{
	lab_role_name(s->lab, n, role, s->buffer);
	return s->buffer;
}

static const struct role_place *place(const struct scope *s, int role)
{
	return role >= 0 && (unsigned)role < s->lab->cluster.place_count ? &s->lab->cluster.places[role] : NULL;
}

static const char *address(const struct lab *lab, const struct node *n)
{
	return lab->cluster.by_ip ? n->ip_text : n->hostname;
}

/* Limits that the kind derives from the size of the cluster. */
static const char *limit_value(struct scope *s, const char *name)
{
	const struct recipe *r = s->lab->cluster.recipe;

	for (const struct limit *l = r ? r->limits : NULL; l && l->name; l++)
		if (!strcmp(l->name, name))
			return number(s, l->of(s->lab));
	return NULL;
}

/* A placeholder for a value that is known only during the run (payload.h). */
static const char *run_value(struct scope *s, const char *name)
{
	snprintf(s->buffer, sizeof s->buffer, VALUE_MARK "%s" PLACEHOLDER_END, name);
	return s->buffer;
}

static const char *node_secret(struct scope *s, const char *name)
{
	const struct recipe *r = s->lab->cluster.recipe;

	for (const char *const *known = r ? r->secrets : NULL; known && *known; known++) {
		if (strcmp(*known, name) != 0)
			continue;
		snprintf(s->buffer, sizeof s->buffer, SECRET_MARK "%s" PLACEHOLDER_END, name);
		return s->buffer;
	}
	return NULL;
}

/* --- values of the lab, of its cluster, of the node, of the role --- */

#define VALUE(fn, expression)                                                                      \
	static const char *fn(struct scope *s)                                                     \
	{                                                                                          \
		return expression;                                                                 \
	}

VALUE(v_lab_name, s->lab->name)
VALUE(v_lab_domain, s->lab->net.domain)
VALUE(v_prefix_len, number(s, s->lab->net.prefix_len))
VALUE(v_hypervisor, hypervisor_names[s->lab->hypervisor == HYPERVISOR_AUTO ? HYPERVISOR_QEMU : s->lab->hypervisor])
VALUE(v_is_container, truth(s->lab->hypervisor == HYPERVISOR_LXC))
VALUE(v_transport, transport_names[lab_transport(s->lab)])
VALUE(v_mount, s->lab->data.mount)
VALUE(v_data_options, s->lab->data.options)
VALUE(v_timezone, s->lab->tuning.timezone)
VALUE(v_locale, s->lab->tuning.locale)
VALUE(v_ntp_server, text(s->lab->tuning.ntp_server))
VALUE(v_profile, s->lab->tuning.profile)
VALUE(v_user, text(s->lab->cluster.user))
VALUE(v_restart, truth(!s->lab->cluster.no_restart))
VALUE(v_prefix, text(s->lab->cluster.prefix))

VALUE(v_superuser, s->lab->cluster.recipe ? s->lab->cluster.recipe->superuser : "")
VALUE(v_database, s->lab->cluster.recipe ? s->lab->cluster.recipe->database : "")
VALUE(v_build_prefix, s->lab->cluster.recipe ? text(s->lab->cluster.recipe->build_prefix) : "")

VALUE(v_node_name, s->node->name)
VALUE(v_index, number(s, s->node->index))
VALUE(v_octet, number(s, s->node->ip & 255))
VALUE(v_ip, s->node->ip_text)
VALUE(v_hostname, s->node->hostname)
VALUE(v_fqdn, s->node->fqdn)
VALUE(v_address, address(s->lab, s->node))
VALUE(v_memory, number(s, s->node->memory_mib))
VALUE(v_cpus, number(s, s->node->cpus))

VALUE(v_role, s->role >= 0 ? place(s, s->role)->role : "")
VALUE(v_dir, text(place(s, s->role)->dir))
VALUE(v_port, number(s, place(s, s->role)->port))
VALUE(v_port_next, number(s, place(s, s->role)->port + 1))
VALUE(v_nodename, role_name(s, s->node, s->role))

static const char *v_subnet(struct scope *s)
{
	char ip[16];

	ip_format(s->lab->net.subnet, ip);
	snprintf(s->buffer, sizeof s->buffer, "%s/%u", ip, s->lab->net.prefix_len);
	return s->buffer;
}

/* labctl's default version is replaced by the newest one that an older system supports. */
static const char *v_mount_options(struct scope *s)
{
	static const char wish[] = "vers=4.2";
	const char *options = s->lab->data.mount_options, *at = strstr(options, wish);

	if (!at || !strcmp(s->lab->release->family->nfs, wish))
		return options;
	return arena_printf(s->arena, "%.*s%s%s", (int)(at - options), options, s->lab->release->family->nfs,
			    at + strlen(wish));
}

static const char *v_gateway(struct scope *s)
{
	ip_format(s->lab->net.gateway, s->buffer);
	return s->buffer;
}

static const char *v_data_source(struct scope *s)
{
	char ip[16];

	ip_format(host_address(s->lab, s->node->host), ip);
	/* Where another host has its state directory, only that host knows. */
	return s->node->host ? arena_printf(s->arena, "%s:" EXPORT_MARK "%s" PLACEHOLDER_END, ip, s->node->name) :
			       arena_printf(s->arena, "%s:%s", ip, s->node->export_dir);
}

static const char *v_ip_dashed(struct scope *s)
{
	snprintf(s->buffer, sizeof s->buffer, "%u-%u-%u-%u", s->node->ip >> 24, s->node->ip >> 16 & 255,
		 s->node->ip >> 8 & 255, s->node->ip & 255);
	return s->buffer;
}

enum needs { LAB, NODE, ROLE, NODE_ROLE };

static const struct value { const char *name; enum needs needs; const char *(*of)(struct scope *s); } values[] = {
	{ "address", NODE, v_address },
	{ "build_prefix", LAB, v_build_prefix },
	{ "cpus", NODE, v_cpus },
	{ "data.mount", LAB, v_mount },
	{ "data.mount_options", LAB, v_mount_options },
	{ "data.options", LAB, v_data_options },
	{ "data.source", NODE, v_data_source },
	{ "data.transport", LAB, v_transport },
	{ "database", LAB, v_database },
	{ "dir", ROLE, v_dir },
	{ "fqdn", NODE, v_fqdn },
	{ "gateway", LAB, v_gateway },
	{ "hostname", NODE, v_hostname },
	{ "hypervisor", LAB, v_hypervisor },
	{ "index", NODE, v_index },
	{ "ip", NODE, v_ip },
	{ "ip.dashed", NODE, v_ip_dashed },
	{ "is_container", LAB, v_is_container },
	{ "lab.domain", LAB, v_lab_domain },
	{ "lab.name", LAB, v_lab_name },
	{ "locale", LAB, v_locale },
	{ "memory_mib", NODE, v_memory },
	{ "node.name", NODE, v_node_name },
	{ "nodename", NODE_ROLE, v_nodename },
	{ "ntp_server", LAB, v_ntp_server },
	{ "octet", NODE, v_octet },
	{ "port", ROLE, v_port },
	{ "port.next", ROLE, v_port_next },
	{ "prefix", LAB, v_prefix },
	{ "profile", LAB, v_profile },
	{ "restart", LAB, v_restart },
	{ "role", LAB, v_role },
	{ "subnet", LAB, v_subnet },
	{ "subnet.prefix", LAB, v_prefix_len },
	{ "superuser", LAB, v_superuser },
	{ "timezone", LAB, v_timezone },
	{ "user", LAB, v_user },
};

static const char *plain_value(struct scope *s, const struct value *v)
{
	bool node = v->needs == NODE || v->needs == NODE_ROLE, role = v->needs == ROLE || v->needs == NODE_ROLE;

	if ((node && !s->node) || (role && s->role < 0))
		return NULL;
	s->used_node |= node;
	return v->of(s);
}

/* --- values of another node: of a list's element, or of the first node with a role --- */

static const char *other_value(struct scope *s, const struct node *n, int role, const char *name)
{
	if (!strcmp(name, "ip"))
		return n->ip_text;
	if (!strcmp(name, "hostname"))
		return n->hostname;
	if (!strcmp(name, "fqdn"))
		return n->fqdn;
	if (!strcmp(name, "address"))
		return address(s->lab, n);
	if (role < 0)
		return NULL;
	if (!strcmp(name, "port"))
		return number(s, place(s, role)->port);
	if (!strcmp(name, "dir"))
		return text(place(s, role)->dir);
	if (!strcmp(name, "nodename"))
		return role_name(s, n, role);
	return NULL;
}

static const char *peer_value(struct scope *s, const char *name)
{
	const struct node *n = s->peer;

	if (!n)
		return NULL;
	if (!strcmp(name, "name"))
		return n->name;
	if (!strcmp(name, "index"))
		return number(s, s->peer_role >= 0 ? n->role_index[s->peer_role] : n->index);
	if (!strcmp(name, "position"))
		return number(s, s->position);
	if (!strcmp(name, "first"))
		return truth(s->peer_role >= 0 ? node_is_first(s->lab, n, s->peer_role) : n->index == 1);
	if (!strcmp(name, "self")) {
		s->used_node = true;
		return s->node ? truth(n == s->node) : NULL;
	}
	return other_value(s, n, s->peer_role, name);
}

static const char *group_members(struct scope *s)
{
	const char *list = s->group->members, *role_word = s->lab->cluster.recipe->group_role;
	int role = role_word ? lab_role(s->lab, role_word) : -1;
	auto_(strbuf_clear) struct strbuf out = { 0 };

	for (size_t len; list && *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		for (unsigned i = 0; i < s->lab->node_count; i++) {
			const struct node *n = &s->lab->nodes[i];

			if (strlen(n->name) != len || memcmp(n->name, list, len) || !node_has_role(n, role))
				continue;
			if (out.len)
				strbuf_char(&out, ',');
			quote_add(&out, QUOTE_IDENT, role_name(s, n, role));
		}
	}
	return arena_strdup(s->arena, strbuf_text(&out));
}

/* "self.datanode": "true" when this node has the role. */
static const char *self_value(struct scope *s, const char *role_word)
{
	int role = s->lab->cluster.recipe ? lab_role(s->lab, role_word) : -1;

	if (role < 0 || !s->node)
		return NULL;
	s->used_node = true;
	return truth(node_has_role(s->node, role));
}

/* "gtm.port": of the first node with the role; "" while no node has it, so that @{if gtm_standby.ip} works. */
static const char *role_value(struct scope *s, const char *name, const char *dot)
{
	const struct node *first = NULL;
	char word[sizeof s->buffer];
	unsigned count = 0;
	int role;

	if ((size_t)(dot - name) >= sizeof word || !s->lab->cluster.recipe)
		return NULL;
	memcpy(word, name, (size_t)(dot - name));
	word[dot - name] = '\0';
	role = lab_role(s->lab, word);
	if (role < 0)
		return NULL;
	for (unsigned i = 0; i < s->lab->node_count; i++) {
		if (!node_has_role(&s->lab->nodes[i], role))
			continue;
		if (!count++)
			first = &s->lab->nodes[i];
		if (strcmp(dot, ".count") != 0)
			break;
	}
	if (!strcmp(dot, ".count"))
		return number(s, count);
	if (first)
		return other_value(s, first, role, dot + 1);
	return other_value(s, &s->lab->nodes[0], role, dot + 1) ? "" : NULL;
}

/* "name", "worker.port" of the node that leaves. */
static const char *gone_value(struct scope *s, const char *name)
{
	const char *dot = strchr(name, '.');
	char word[sizeof s->buffer];
	int role;

	if (!strcmp(name, "name"))
		return s->gone ? s->gone->name : "";
	if (!dot || (size_t)(dot - name) >= sizeof word)
		return NULL;
	memcpy(word, name, (size_t)(dot - name));
	word[dot - name] = '\0';
	role = lab_role(s->lab, word);
	if (role < 0)
		return NULL;
	return s->gone && node_has_role(s->gone, role) ? other_value(s, s->gone, role, dot + 1) : "";
}

static const char *dbuser_value(struct scope *s, const char *name)
{
	const struct db_user *u = s->dbuser;
	auto_(strbuf_clear) struct strbuf out = { 0 };
	bool hba = !strcmp(name, "hba");

	if (!u)
		return NULL;
	if (!strcmp(name, "name"))
		return u->name;
	if (!strcmp(name, "access"))
		return access_words[u->reads_only];
	if (!strcmp(name, "password"))
		return arena_printf(s->arena, SECRET_MARK DB_USER_SECRET "%s" PLACEHOLDER_END, u->name);
	if (!hba && strcmp(name, "databases") != 0)
		return NULL;
	if (!u->databases)
		return hba ? "all" : "";
	/* In quotes a name is never a keyword of pg_hba.conf. */
	for (const char *p = u->databases; *p; p += strcspn(p, ","), p += *p == ',')
		strbuf_printf(&out, hba ? "%s\"%.*s\"" : "%s%.*s", !out.len ? "" : hba ? "," : " ", (int)strcspn(p, ","), p);
	return arena_strdup(s->arena, strbuf_text(&out));
}

static const char *db_value(struct scope *s, const char *name)
{
	const struct db_request *db = s->db;

	if (!db)
		return NULL;
	if (!strcmp(name, "name"))
		return db->name;
	if (!strcmp(name, "template"))
		return text(db->template);
	if (!strcmp(name, "database"))
		return text(db->database);
	if (!strcmp(name, "adopt"))
		return truth(db->adopt);
	return !strcmp(name, "force") ? truth(db->force) : NULL;
}

const char *scope_value(struct scope *s, const char *name)
{
	const char *dot = strchr(name, '.'), *of_family;

	if (!strncmp(name, "peer.", 5))
		return peer_value(s, name + 5);
	if (!strncmp(name, "self.", 5))
		return self_value(s, name + 5);
	if (!strncmp(name, "gone.", 5))
		return gone_value(s, name + 5);
	if (!strncmp(name, "secret.", 7))
		return node_secret(s, name + 7);
	if (!strncmp(name, "value.", 6))
		return run_value(s, name + 6);
	if (!strncmp(name, "mem.", 4))
		return share(s, name + 4);
	if (!strncmp(name, "limit.", 6))
		return limit_value(s, name + 6);
	if (!strncmp(name, "db.", 3))
		return db_value(s, name + 3);
	if (!strncmp(name, "dbuser.", 7))
		return dbuser_value(s, name + 7);
	if (s->rule && !strcmp(name, "rule")) {
		s->used_node = true; /* another text for another rule */
		return s->rule->id;
	}
	if (s->template && !strcmp(name, "template.name"))
		return s->template->name;
	if (s->template && !strcmp(name, "template.extensions"))
		return s->template->extensions;
	if (s->setting && !strcmp(name, "setting.key"))
		return s->setting->key;
	if (s->setting && !strcmp(name, "setting.value"))
		return s->setting->value;
	if (s->group && !strcmp(name, "group.name"))
		return s->group->name;
	if (s->group && !strcmp(name, "group.members"))
		return group_members(s);
	for (size_t i = 0; i < ARRAY_COUNT(values); i++)
		if (values[i].name[0] == name[0] && !strcmp(values[i].name, name))
			return plain_value(s, &values[i]);
	if (!dot)
		return NULL;
	of_family = family_value(s->lab->release, name);
	return of_family ? of_family : role_value(s, name, dot);
}
