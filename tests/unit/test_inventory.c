/* SPDX-License-Identifier: PostgreSQL */
/* Names of endpoints, and the quoting of each format. The files themselves: tests/exec/test_files.c. */
#include "test.h"

#include <jansson.h>
#include <string.h>

#include "inventory.h"
#include "payload.h"

#define SECRET SECRET_MARK "postgres" PLACEHOLDER_END

struct fixture { struct lab *lab; struct arena *arena; struct inventory inv; struct inventory_where where; };

static void open_lab(struct fixture *f, const char *yaml)
{
	const struct lab_options o = { .state_dir = "/state" };
	struct fail e = { 0 };

	*f = (struct fixture){ .arena = arena_new(),
			       .where = { "/state/labs/x/inventory", "/state/labs/x/key", "/state/labs/x/known" } };
	if (lab_parse(yaml, strlen(yaml), "test.yaml", &o, &f->lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	lab_set_subnet(f->lab, 0x0a580000, 24);
	inventory_make(f->lab, &f->where, f->arena, &f->inv);
}

static void close_lab(struct fixture *f)
{
	lab_free(f->lab);
	arena_free(f->arena);
}

static const char *text_of(struct fixture *f, const char *format)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	for (const struct inventory_format *i = inventory_formats; i->name; i++)
		if (!strcmp(i->name, format))
			i->print(&f->inv, &out);
	return arena_strdup(f->arena, strbuf_text(&out));
}

static void check_has(struct fixture *f, const char *format, const char *wanted)
{
	const char *text = text_of(f, format);

	if (!strstr(text, wanted))
		fail_msg("%s lacks\n%s\nin\n%s", format, wanted, text);
}

/* All names in order, with bars between endpoints. */
static void check_names(struct fixture *f, const char *wanted)
{
	auto_(strbuf_clear) struct strbuf seen = { 0 };

	for (unsigned i = 0; i < f->inv.endpoint_count; i++, strbuf_str(&seen, " |"))
		for (unsigned k = 0; k < f->inv.endpoints[i].service_count; k++)
			strbuf_printf(&seen, " %s", f->inv.endpoints[i].services[k]);
	assert_string_equal(strbuf_text(&seen), wanted);
}

static void names(void **state)
{
	struct fixture f;

	(void)state;
	open_lab(&f, "lab: x\nnodes: 3\ncluster: {kind: postgres}\n");
	check_names(&f, " x x-node1 x-primary | x-node2 x-standby | x-node3 |");
	assert_ptr_equal(f.inv.usual, &f.inv.endpoints[0]);
	close_lab(&f);

	/* a node with several roles: its name means the role that `labctl psql NODE` connects to */
	open_lab(&f, "lab: x\nnodes: 3\ncluster: {kind: pgxc}\n");
	check_names(&f, " x-node3-datanode x-datanode | x x-node3 x-node3-coordinator x-coordinator |");
	close_lab(&f);

	/* a pooler on a database node, and one on its own node */
	open_lab(&f, "lab: x\nnodes: 2\ncluster: {kind: postgres, pgpool: 2}\n");
	check_names(&f, " x x-node1 x-primary | x-node2 x-node2-standby x-standby | x-node2-pgpool x-pgpool |");
	check_has(&f, "pg_service", "\n[x-pgpool]\nhost=10.88.0.12\nport=9999\n");
	close_lab(&f);

	open_lab(&f, "lab: x\nnodes: 2\n");
	check_names(&f, "");
	assert_null(f.inv.usual);
	assert_null(strchr(text_of(&f, "pg_service"), '['));
	check_has(&f, "ansible", "\nnode2 ansible_host=10.88.0.12\n");
	close_lab(&f);
}

/* If a node's name is also that of a role, or of another node with its role, it means the node. */
static void names_are_one_endpoints_only(void **state)
{
	struct fixture f;

	(void)state;
	open_lab(&f, "lab: x\nnodes:\n- name: pgpool\n- name: a\n- name: a-pgpool\n"
		     "cluster: {kind: postgres, primary: 1, standby: 2-3, pgpool: 2}\n");
	check_names(&f, " x x-pgpool x-primary | x-a x-a-standby x-standby | | x-a-pgpool |");
	close_lab(&f);
}

static void formats(void **state)
{
	struct fixture f;

	(void)state;
	open_lab(&f, "lab: x\nnodes: 2\nnetwork: {hostname: \"db@{index}\"}\ncluster: {kind: postgres}\n");
	check_has(&f, "pg_service", "\n[x]\nhost=10.88.0.11\nport=5432\ndbname=postgres\nuser=postgres\n"
				    "passfile=/state/labs/x/inventory/pgpass\n");
	check_has(&f, "pgpass", "\n10.88.0.12:5432:*:postgres:" SECRET "\ndb2:5432:*:postgres:" SECRET
				"\ndb2.lab.internal:5432:*:postgres:" SECRET "\n");
	close_lab(&f);
	open_lab(&f, "lab: x\nnodes: 2\nnetwork: {hostname: \"db@{index}\"}\ncluster: {kind: postgres, users: [{name: web, databases: a}]}\n");
	check_has(&f, "pgpass", "\n10.88.0.12:5432:*:web:\x01secret:user-web\x02\n");
	check_has(&f, "json", "\"user\": \"web\"");
	check_has(&f, "jdbc", "\nx.url=jdbc:postgresql://10.88.0.11:5432/postgres\nx.user=postgres\nx.password=" SECRET "\n");
	check_has(&f, "hosts", "\n10.88.0.12 db2.lab.internal db2 x-node2 node2\n");
	check_has(&f, "ssh_config", "\nHost node2 x-node2 db2.lab.internal db2 10.88.0.12\n\tHostName 10.88.0.12\n\tUser root\n"
				    "\tIdentityFile \"/state/labs/x/key\"\n");
	check_has(&f, "ssh_config", "\tUserKnownHostsFile \"/state/labs/x/known\"\n");
	check_has(&f, "ssh_config", "\tStrictHostKeyChecking yes\n");
	check_has(&f, "ansible", "\n[standby]\nnode2\n");
	check_has(&f, "ansible", "\nansible_ssh_common_args=-F /state/labs/x/inventory/ssh_config\n");
	close_lab(&f);
}

/* The ssh configuration allows old algorithms for nodes of 2007, and for no others. */
static void nodes_of_their_age(void **state)
{
	struct fixture f;

	(void)state;
	open_lab(&f, "lab: x\nnodes: 2\nimage: {source: /a.img, seed: labctl, release: el5}\n");
	check_has(&f, "ssh_config", "\tConnectTimeout 10\n"
				    "\tKexAlgorithms +diffie-hellman-group14-sha1,diffie-hellman-group1-sha1\n"
				    "\tHostKeyAlgorithms +ssh-rsa\n\tPubkeyAcceptedAlgorithms ssh-rsa\n"
				    "\tCiphers +aes128-ctr,aes128-cbc,3des-cbc\n\tMACs +hmac-sha1\n\nHost node2 ");
	check_has(&f, "ansible", "=-F /state/labs/x/inventory/ssh_config\n");
	close_lab(&f);
	open_lab(&f, "lab: x\nimage: {source: /a.img, seed: labctl, release: el7}\n");
	assert_null(strstr(text_of(&f, "ssh_config"), "Algorithms"));
	close_lab(&f);
}

/* Lab files do not allow such names today; they are quoted correctly nevertheless. */
static void awkward_words(void **state)
{
	struct fixture f;

	(void)state;
	open_lab(&f, "lab: x\nnodes: 1\ncluster: {kind: postgres}\n");
	f.lab->nodes[0].hostname = "a:b\\c";
	f.where = (struct inventory_where){ "/my labs/x", "/my \"labs\"/100%/key", "/k" };
	check_has(&f, "pgpass", "\na\\:b\\\\c:5432:*:postgres:" SECRET "\n");
	check_has(&f, "ssh_config", "\tIdentityFile \"/my \\\"labs\\\"/100%%/key\"\n");
	check_has(&f, "ansible", "=-F '/my labs/x/ssh_config'\n");
	close_lab(&f);
}

static void json(void **state)
{
	struct fixture f;
	const json_t *second, *roles;
	json_t *doc;

	(void)state;
	open_lab(&f, "lab: x\nnodes: 2\ncluster: {kind: citus}\n");
	doc = json_loads(text_of(&f, "json"), 0, NULL);
	assert_non_null(doc);
	assert_string_equal(json_string_value(json_object_get(doc, "kind")), "citus");
	roles = json_object_get(json_array_get(json_object_get(doc, "nodes"), 0), "roles");
	assert_string_equal(json_string_value(json_array_get(roles, 1)), "pgpool");
	second = json_array_get(json_object_get(doc, "endpoints"), 1);
	assert_string_equal(json_string_value(json_object_get(second, "host")), "10.88.0.11");
	assert_int_equal(json_integer_value(json_object_get(second, "port")), 9999);
	assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "files"), "pgpass")),
			    "/state/labs/x/inventory/pgpass");
	json_decref(doc);
	close_lab(&f);
}

/* Only files that others cannot read contain passwords. */
static void passwords_are_private(void **state)
{
	struct fixture f;
	unsigned private = 0;

	(void)state;
	open_lab(&f, "lab: x\nnodes: 2\ncluster: {kind: citus}\n");
	for (const struct inventory_format *i = inventory_formats; i->name; i++) {
		bool secret = strstr(text_of(&f, i->name), SECRET_MARK) != NULL;

		assert_int_equal(i->mode, secret ? 0600 : 0644);
		private += secret;
	}
	assert_int_equal(private, 2);
	close_lab(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(names_are_one_endpoints_only),
					    cmocka_unit_test(formats), cmocka_unit_test(nodes_of_their_age),
					    cmocka_unit_test(awkward_words), cmocka_unit_test(json),
					    cmocka_unit_test(passwords_are_private) };

	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
