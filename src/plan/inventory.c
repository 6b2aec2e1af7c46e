/* SPDX-License-Identifier: PostgreSQL */
#include "inventory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "payload.h"
#include "quote.h"
#include "recipe.h"

#define CONNECT_TIMEOUT_S 10 /* the same as for `labctl psql` and `labctl ssh` */

/* --- endpoints and their names --- */

static bool node_named(const struct lab *lab, const char *name)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (!strcmp(lab->nodes[i].name, name))
			return true;
	return false;
}

static unsigned sql_roles(const struct lab *lab, const struct node *n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < lab->cluster.place_count; i++)
		count += lab->cluster.recipe->roles[i].sql && node_has_role(n, (int)i);
	return count;
}

/* True for the role that LAB-NODE means: as in `labctl psql NODE`, the usual role if @n has it, else its first. */
static bool is_main_role(const struct lab *lab, const struct node *n, int role)
{
	const struct recipe *r = lab->cluster.recipe;
	int main_role = lab_role(lab, r->psql_role);

	for (unsigned i = 0; !node_has_role(n, main_role) && i < lab->cluster.place_count; i++)
		if (r->roles[i].sql && node_has_role(n, (int)i))
			main_role = (int)i;
	return role == main_role;
}

/* LAB, LAB-NODE, LAB-NODE-ROLE, LAB-ROLE. A node takes precedence over a role of the same name, so names are unique. */
static void name_endpoint(struct inventory *inv, struct endpoint *ep)
{
	const struct lab *lab = inv->lab;
	const struct node *n = ep->node;
	const char *role = lab->cluster.recipe->roles[ep->role].name, **names = NULL;
	const char *both = arena_printf(inv->arena, "%s-%s", n->name, role);
	bool first = node_is_first(lab, n, (int)ep->role);

	if (first && !strcmp(role, lab->cluster.recipe->psql_role))
		*arena_push(inv->arena, names, ep->service_count) = lab->name;
	if (is_main_role(lab, n, ep->role))
		*arena_push(inv->arena, names, ep->service_count) = n->domain;
	if (sql_roles(lab, n) > 1 && !node_named(lab, both))
		*arena_push(inv->arena, names, ep->service_count) = arena_printf(inv->arena, "%s-%s", lab->name, both);
	if (first && !node_named(lab, role))
		*arena_push(inv->arena, names, ep->service_count) = arena_printf(inv->arena, "%s-%s", lab->name, role);
	ep->services = names;
}

void inventory_make(const struct lab *lab, const struct inventory_where *where, struct arena *a, struct inventory *ret)
{
	const struct recipe *r = lab->cluster.recipe;

	*ret = (struct inventory){ .lab = lab, .where = where, .arena = a };
	for (unsigned i = 0; r && i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];

		for (unsigned k = 0; k < lab->cluster.place_count; k++) {
			struct endpoint *ep;

			if (!r->roles[k].sql || !node_has_role(n, (int)k))
				continue;
			ep = arena_push(a, ret->endpoints, ret->endpoint_count);
			*ep = (struct endpoint){ .node = n, .role = (int)k,
						 .port = arena_printf(a, "%u", lab->cluster.places[k].port) };
			name_endpoint(ret, ep);
		}
	}
	for (unsigned i = 0; i < ret->endpoint_count; i++)
		if (ret->endpoints[i].service_count && ret->endpoints[i].services[0] == lab->name)
			ret->usual = &ret->endpoints[i];
}

const char *inventory_path(const struct inventory *inv, const char *format)
{
	for (const struct inventory_format *f = inventory_formats; f->name; f++)
		if (!strcmp(f->name, format))
			return arena_printf(inv->arena, "%s/%s", inv->where->dir, f->file);
	return NULL;
}

/* --- formats of text --- */

static void add_head(const struct inventory *inv, struct strbuf *out)
{
	strbuf_printf(out, "# Lab %s. Written by labctl create and bootstrap; manual changes will be lost.\n", inv->lab->name);
}

/* Adds @s with a backslash before each character of @special. */
static void add_escaped(struct strbuf *out, const char *s, const char *special)
{
	for (; *s; s++) {
		if (strchr(special, *s))
			strbuf_char(out, '\\');
		strbuf_char(out, *s);
	}
}

/* Calls @add for every name of every endpoint. */
static void each_service(const struct inventory *inv, struct strbuf *out,
			 void (*add)(const struct inventory *inv, const struct endpoint *ep, const char *service, struct strbuf *out))
{
	for (unsigned i = 0; i < inv->endpoint_count; i++)
		for (unsigned k = 0; k < inv->endpoints[i].service_count; k++)
			add(inv, &inv->endpoints[i], inv->endpoints[i].services[k], out);
}

/* passfile makes the service file work alone. */
static void add_pg_service(const struct inventory *inv, const struct endpoint *ep, const char *service, struct strbuf *out)
{
	const struct recipe *r = inv->lab->cluster.recipe;

	strbuf_printf(out, "\n[%s]\nhost=%s\nport=%s\ndbname=%s\nuser=%s\npassfile=%s\nconnect_timeout=%d\n", service,
		      ep->node->ip_text, ep->port, r->database, r->superuser, inventory_path(inv, "pgpass"), CONNECT_TIMEOUT_S);
}

static void print_pg_service(const struct inventory *inv, struct strbuf *out)
{
	add_head(inv, out);
	each_service(inv, out, add_pg_service);
}

static void add_pgpass_line(const struct endpoint *ep, const char *host, const char *user, const char *secret, struct strbuf *out)
{
	add_escaped(out, host, ":\\");
	strbuf_printf(out, ":%s:*:", ep->port);
	add_escaped(out, user, ":\\");
	strbuf_printf(out, ":" SECRET_MARK "%s%s" PLACEHOLDER_END "\n", secret, user);
}

static void add_pgpass(const struct inventory *inv, const struct endpoint *ep, const char *host, struct strbuf *out)
{
	const struct cluster *c = &inv->lab->cluster;

	add_pgpass_line(ep, host, c->recipe->superuser, "", out);
	for (unsigned i = 0; i < c->user_count; i++)
		add_pgpass_line(ep, host, c->users[i].name, DB_USER_SECRET, out);
}

static void print_pgpass(const struct inventory *inv, struct strbuf *out)
{
	add_head(inv, out);
	for (unsigned i = 0; i < inv->endpoint_count; i++) {
		const struct endpoint *ep = &inv->endpoints[i];

		add_pgpass(inv, ep, ep->node->ip_text, out);
		add_pgpass(inv, ep, ep->node->hostname, out);
		add_pgpass(inv, ep, ep->node->fqdn, out);
	}
}

static void add_jdbc(const struct inventory *inv, const struct endpoint *ep, const char *service, struct strbuf *out)
{
	const struct recipe *r = inv->lab->cluster.recipe;

	strbuf_printf(out, "%s.url=jdbc:postgresql://%s:%s/%s\n", service, ep->node->ip_text, ep->port, r->database);
	strbuf_printf(out, "%s.user=%s\n", service, r->superuser);
	strbuf_printf(out, "%s.password=" SECRET_MARK "%s" PLACEHOLDER_END "\n", service, r->superuser);
}

static void print_jdbc(const struct inventory *inv, struct strbuf *out)
{
	add_head(inv, out);
	each_service(inv, out, add_jdbc);
}

/* Every setting is per node, none for "*", so that a user can include the file without a change for other hosts. */
static void print_ssh_config(const struct inventory *inv, struct strbuf *out)
{
	const struct lab *lab = inv->lab;
	struct ssh_option o;

	add_head(inv, out);
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];

		strbuf_printf(out, "\nHost %s %s %s", n->name, n->domain, n->fqdn);
		if (strcmp(n->hostname, n->name))
			strbuf_printf(out, " %s", n->hostname);
		/* by address too, because Ansible connects by address */
		strbuf_printf(out, " %s\n\tHostName %s\n\tUser root\n", n->ip_text, n->ip_text);
		strbuf_str(out, "\tIdentityFile ");
		quote_add(out, QUOTE_SSH, inv->where->key);
		strbuf_char(out, '\n');
		strbuf_str(out, "\tIdentitiesOnly yes\n");
		strbuf_str(out, "\tUserKnownHostsFile ");
		quote_add(out, QUOTE_SSH, inv->where->known_hosts);
		strbuf_char(out, '\n');
		strbuf_printf(out, "\tGlobalKnownHostsFile /dev/null\n\tStrictHostKeyChecking yes\n\tConnectTimeout %d\n",
			      CONNECT_TIMEOUT_S);
		for (unsigned k = 0; family_ssh_option(lab->release->family, k, &o); k++)
			strbuf_printf(out, "\t%s %s%s\n", o.name, o.sign, o.value);
	}
}

static void print_hosts(const struct inventory *inv, struct strbuf *out)
{
	const struct lab *lab = inv->lab;

	add_head(inv, out);
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];

		strbuf_printf(out, "%s %s %s %s", n->ip_text, n->fqdn, n->hostname, n->domain);
		strbuf_printf(out, strcmp(n->hostname, n->name) ? " %s\n" : "\n", n->name);
	}
}

static void print_ansible(const struct inventory *inv, struct strbuf *out)
{
	const struct lab *lab = inv->lab;
	const char *ssh_config = inventory_path(inv, "ssh_config");

	add_head(inv, out);
	strbuf_str(out, "\n[all]\n");
	for (unsigned i = 0; i < lab->node_count; i++)
		strbuf_printf(out, "%s ansible_host=%s\n", lab->nodes[i].name, lab->nodes[i].ip_text);
	/* ssh_config names the host keys, and the algorithms that old nodes need. */
	strbuf_printf(out, "\n[all:vars]\nansible_user=root\nansible_ssh_private_key_file=%s\nansible_ssh_common_args=-F ",
		      inv->where->key);
	quote_add(out, QUOTE_SH, ssh_config);
	strbuf_char(out, '\n');
	for (unsigned k = 0; k < lab->cluster.place_count; k++) {
		strbuf_printf(out, "\n[%s]\n", lab->cluster.recipe->roles[k].name);
		for (unsigned i = 0; i < lab->node_count; i++)
			if (node_has_role(&lab->nodes[i], (int)k))
				strbuf_printf(out, "%s\n", lab->nodes[i].name);
	}
}

/* --- JSON --- */

static json_t *json_node(const struct lab *lab, const struct node *n)
{
	json_t *roles = json_array();

	for (unsigned k = 0; k < lab->cluster.place_count; k++)
		if (node_has_role(n, (int)k))
			json_array_append_new(roles, json_string(lab->cluster.recipe->roles[k].name));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "name", n->name, "domain", n->domain, "hostname", n->hostname,
			 "fqdn", n->fqdn, "address", n->ip_text, "roles", roles);
}

static json_t *json_endpoint(const struct lab *lab, const struct endpoint *ep)
{
	const struct recipe *r = lab->cluster.recipe;
	json_t *services = json_array();
	char name[64];

	for (unsigned i = 0; i < ep->service_count; i++)
		json_array_append_new(services, json_string(ep->services[i]));
	lab_role_name(lab, ep->node, ep->role, name);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:o}", "name", name, "node", ep->node->name, "role",
			 r->roles[ep->role].name, "host", ep->node->ip_text, "port",
			 (int)lab->cluster.places[ep->role].port, "database", r->database, "user", r->superuser, "services",
			 services);
}

static json_t *json_user(const struct db_user *u)
{
	json_t *databases = u->databases ? json_array() : json_null();

	for (const char *p = u->databases; p && *p; p += strcspn(p, ","), p += *p == ',')
		json_array_append_new(databases, json_stringn(p, strcspn(p, ",")));
	return json_pack("{s:s, s:o, s:s}", "user", u->name, "databases", databases, "access", access_words[u->reads_only]);
}

/* No passwords: a dump of everything gets shown around. */
static void print_json(const struct inventory *inv, struct strbuf *out)
{
	const struct lab *lab = inv->lab;
	json_t *nodes = json_array(), *endpoints = json_array(), *users = json_array(), *files = json_object(), *doc;
	char *text;

	for (unsigned i = 0; i < lab->node_count; i++)
		json_array_append_new(nodes, json_node(lab, &lab->nodes[i]));
	for (unsigned i = 0; i < inv->endpoint_count; i++)
		json_array_append_new(endpoints, json_endpoint(lab, &inv->endpoints[i]));
	for (unsigned i = 0; i < lab->cluster.user_count; i++)
		json_array_append_new(users, json_user(&lab->cluster.users[i]));
	for (const struct inventory_format *f = inventory_formats; f->name; f++)
		json_object_set_new(files, f->name, json_string(inventory_path(inv, f->name)));
	json_object_set_new(files, "key", json_string(inv->where->key));
	json_object_set_new(files, "known_hosts", json_string(inv->where->known_hosts));
	doc = json_pack("{s:i, s:s, s:s?, s:o, s:o, s:o, s:o}", "v", 1, "lab", lab->name, "kind",
			lab->cluster.recipe ? lab->cluster.recipe->kind : NULL, "nodes", nodes, "endpoints", endpoints, "users", users, "files",
			files);
	text = json_dumps(doc, JSON_INDENT(2));
	json_decref(doc);
	if (!text)
		abort();
	strbuf_printf(out, "%s\n", text);
	free(text);
}

const struct inventory_format inventory_formats[] = {
	{ "pg_service", "pg_service.conf", 0644, "libpq: one service per node and role, PGSERVICEFILE", print_pg_service },
	{ "pgpass", "pgpass", 0600, "libpq: passwords, PGPASSFILE", print_pgpass },
	{ "jdbc", "jdbc.properties", 0600, "URL, user and password per service", print_jdbc },
	{ "ansible", "ansible.ini", 0644, "Ansible: a group per role", print_ansible },
	{ "ssh_config", "ssh_config", 0644, "ssh -F, or Include in ~/.ssh/config", print_ssh_config },
	{ "hosts", "hosts", 0644, "lines for /etc/hosts", print_hosts },
	{ "json", "inventory.json", 0644, "everything except the passwords", print_json },
	{ 0 },
};
