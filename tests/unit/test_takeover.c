/* SPDX-License-Identifier: PostgreSQL */
/* Who is promoted: the roles of the nodes, what the record and the lab file say, and which server a takeover chooses or refuses. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "lab_change.h"
#include "plan.h"
#include "recipe.h"

#define PG3 "lab: pg\nnodes: 3\nnetwork: {subnet: 10.88.7.0/24}\ncluster:\n  kind: postgres\n"

static struct lab *parse(const char *text)
{
	struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(text, strlen(text), "lab.yaml", NULL, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	return lab;
}

/* "standby_2 primary standby_1": the names of the servers, node by node. */
static void assert_servers(const struct lab *lab, const char *expected)
{
	auto_(strbuf_clear) struct strbuf seen = { 0 };
	char name[64];

	for (unsigned i = 0; i < lab->node_count; i++)
		for (unsigned k = 0; k < lab->cluster.place_count; k++) {
			lab_role_name(lab, &lab->nodes[i], (int)k, name);
			if (*name)
				strbuf_printf(&seen, "%s%s", seen.len ? " " : "", name);
		}
	assert_string_equal(strbuf_text(&seen), expected);
}

static void promote(struct lab *lab, unsigned node)
{
	struct fail e = { 0 };

	if (lab_promote(lab, &lab->nodes[node - 1], &e) < 0)
		fail_msg("%s", e.text);
	assert_ptr_equal(lab_leader(lab), &lab->nodes[node - 1]);
}

static void servers_exchange_roles_and_numbers(void **state)
{
	auto_(lab_free) struct lab *lab = parse(PG3), *again = NULL;
	auto_(strbuf_clear) struct strbuf text = { 0 };

	(void)state;
	assert_servers(lab, "primary standby_1 standby_2");
	promote(lab, 3);
	assert_servers(lab, "standby_2 standby_1 primary");
	promote(lab, 3);
	assert_servers(lab, "standby_2 standby_1 primary");
	promote(lab, 2); /* only the last one counts */
	assert_servers(lab, "standby_1 primary standby_2");
	assert_string_equal(lab->cluster.promoted, "node2");
	/* The record is read back. */
	lab_print(lab, &text);
	assert_non_null(strstr(text.text, "  promoted: node2\n"));
	assert_non_null(strstr(text.text, "  primary: {on: 1,"));
	again = parse(text.text);
	assert_servers(again, "standby_1 primary standby_2");
	promote(lab, 1);
	assert_servers(lab, "primary standby_1 standby_2");
	assert_null(lab->cluster.promoted);
}

static void what_cannot_be_promoted(void **state)
{
	static const struct { const char *text; unsigned node; const char *why; } rows[] = {
		{ PG3 "  standby: 2\n  client: 3\n", 3, "node3 has no standby" },
		{ PG3 "  standby: {dir: other}\n", 2, "a standby cannot become the primary: its directory is /data/other, not /data/pgsql" },
		{ PG3 "  standby: {port: 6000}\n", 2, "a standby cannot become the primary: its port is 6000, not 5432" },
		{ "nodes: 3\ncluster: {kind: citus}\n", 2, "no server of this cluster can take over a role" },
		{ "nodes: 4\ncluster: {kind: pgxc}\n", 3, "node3 has no gtm_standby" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		auto_(lab_free) struct lab *lab = parse(rows[i].text);
		struct fail e = { 0 };

		assert_int_equal(lab_promote(lab, &lab->nodes[rows[i].node - 1], &e), -1);
		assert_int_equal(e.code, FAIL_USAGE);
		assert_string_equal(e.text, rows[i].why);
		assert_null(lab->cluster.promoted);
	}
}

static void bad_records(void **state)
{
	static const struct { const char *text, *why; } rows[] = {
		{ PG3 "  promoted: node9\n", "cluster.promoted: no node is named node9" },
		{ PG3 "  standby: 2\n  promoted: node3\n", "cluster.promoted: node3 has no standby" },
		{ PG3 "  promoted: 'a b'\n", "cluster.promoted" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		struct lab *lab = NULL;
		struct fail e = { 0 };

		assert_int_equal(lab_parse(rows[i].text, strlen(rows[i].text), "lab.yaml", NULL, &lab, &e), -1);
		if (!strstr(e.text, rows[i].why))
			fail_msg("%s", e.text);
	}
}

/* A line for each change that the lab file makes; the servers afterwards. */
static void compare(const char *has_text, const char *file, const char *changes_expected, const char *servers)
{
	auto_(lab_free) struct lab *has = parse(has_text);
	auto_(strbuf_clear) struct strbuf seen = { 0 };
	struct lab *wanted = parse(file);
	struct lab_change *changes;
	struct fail e = { 0 };
	unsigned count;

	assert_int_equal(lab_keep(has, &wanted, NULL, &e), 0);
	lab_changes(has, wanted, true, has->arena, &changes, &count);
	for (unsigned i = 0; i < count; i++) {
		strbuf_str(&seen, changes[i].refused ? "! " : "");
		lab_change_text(&changes[i], &seen);
		strbuf_char(&seen, '\n');
	}
	assert_string_equal(strbuf_text(&seen), changes_expected);
	assert_servers(wanted, servers);
	lab_free(wanted);
}

/* A lab file says where the roles were at first; the record says who was promoted since. */
static void the_record_knows_better_than_the_lab_file(void **state)
{
	(void)state;
	compare(PG3 "  promoted: node3\n", PG3, "", "standby_2 standby_1 primary");
	compare(PG3 "  promoted: node3\n", PG3 "  primary: 1\n  standby: 2-\n", "", "standby_2 standby_1 primary");
	compare(PG3 "  promoted: node3\n", PG3 "  promoted: node2\n", "", "standby_2 standby_1 primary");
	compare(PG3, PG3 "  promoted: node2\n", "", "primary standby_1 standby_2");
	/* A file that places the roles where they are now is right. */
	compare(PG3 "  promoted: node2\n", PG3 "  primary: 2\n  standby: 1,3\n", "cluster.promoted has node2, wanted none\n",
		"standby_1 primary standby_2");
	compare(PG3 "  promoted: node2\n", PG3 "  primary: 3\n  standby: 1-2\n",
		"! cluster.primary.on has 1, wanted 3\n! cluster.standby.on has 2-, wanted 1-2\ncluster.promoted has node2, wanted none\n",
		"standby_2 standby_1 primary");
}

/* --- the choice --- */

#define UP { .on = true, .answers = true, .wal = 100, .replayed = 100 }
#define STANDBY(bytes) { .on = true, .answers = true, .recovers = true, .streams = true, .wal = (bytes), .replayed = (bytes) }
#define ALONE(bytes) { .on = true, .answers = true, .recovers = true, .wal = (bytes), .replayed = (bytes) }
#define DOWN { .on = true }
#define OFF { 0 }

struct trial {
	const char *record;          /* lines of `cluster:` */
	struct standing all[3];
	unsigned wanted;             /* node; 0 = none is named */
	unsigned chosen;             /* 0 = refused */
	enum fail_code code; const char *why, *next;
};

static void judge(const struct trial *t, unsigned number, const struct lab *lab, int r, const struct node *chosen, const struct fail *e)
{
	if (t->chosen ? r < 0 || chosen != &lab->nodes[t->chosen - 1] : r == 0)
		fail_msg("trial %u: %s", number, r < 0 ? e->text : chosen->name);
	if (t->chosen)
		return;
	assert_int_equal(e->code, t->code);
	if (!strstr(e->text, t->why) || !strstr(e->next, t->next))
		fail_msg("trial %u: %s\n  next: %s", number, e->text, e->next);
}

static void switchover_chooses(void **state)
{
	static const struct trial trials[] = {
		{ "", { UP, STANDBY(90), STANDBY(95) }, 0, .chosen = 3 },
		{ "", { UP, STANDBY(90), STANDBY(95) }, 2, .chosen = 2 },
		{ "", { UP, STANDBY(90), STANDBY(95) }, 1, .chosen = 1 },
		{ "", { UP, STANDBY(90), OFF }, 0, .chosen = 2 },
		{ "", { DOWN, ALONE(90), ALONE(80) }, 0, .chosen = 2 }, /* it ended: cleanly or not, its node says */
		{ "", { UP, ALONE(90), OFF }, 0, 0, FAIL_DB, "none streams from it", "status" },
		{ "", { UP, ALONE(90), OFF }, 2, 0, FAIL_DB, "node2 cannot take over from node1: it does not stream", "rejoin node2" },
		{ "", { UP, STANDBY(90), OFF }, 3, 0, FAIL_DB, "node3 cannot take over from node1: it does not answer", "rejoin node3" },
		{ "", { UP, UP, STANDBY(90) }, 2, 0, FAIL_DB, "somebody promoted it", "rejoin node2" },
		{ "", { OFF, ALONE(90), ALONE(80) }, 2, 0, FAIL_DB, "its machine is off", "failover primary" },
		{ "  standby: 2\n", { UP, STANDBY(90), OFF }, 3, 0, FAIL_USAGE, "node3 has no standby that could", "status" },
		/* One to node2 was interrupted before the promotion. */
		{ "  promoted: node2\n", { DOWN, ALONE(100), ALONE(100) }, 0, .chosen = 2 },
		{ "  promoted: node2\n", { DOWN, ALONE(100), ALONE(100) }, 3, 0, FAIL_CONFLICT, "by node2 was not finished", "switchover node2" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(trials); i++) {
		const struct trial *t = &trials[i];
		char text[512];
		auto_(lab_free) struct lab *lab = NULL;
		const struct node *chosen = NULL;
		struct fail e = { 0 };
		int r;

		snprintf(text, sizeof text, PG3 "%s", t->record);
		lab = parse(text);
		r = plan_switchover_to(lab, t->all, t->wanted ? &lab->nodes[t->wanted - 1] : NULL, &chosen, &e);
		judge(t, i, lab, r, chosen, &e);
	}
}

static void failover_chooses(void **state)
{
	static const struct trial trials[] = {
		{ "", { DOWN, ALONE(90), ALONE(95) }, 0, .chosen = 3 },
		{ "", { OFF, ALONE(95), ALONE(95) }, 0, .chosen = 2 },
		{ "", { OFF, OFF, ALONE(5) }, 0, .chosen = 3 },
		{ "", { DOWN, UP, ALONE(95) }, 0, .chosen = 2 }, /* somebody promoted it: the record follows */
		{ "", { DOWN, UP, UP }, 0, 0, FAIL_CONFLICT, "node2 and node3 were both promoted", "stop" },
		{ "", { UP, STANDBY(90), STANDBY(95) }, 0, 0, FAIL_CONFLICT, "the primary on node1 answers", "switchover" },
		{ "", { UP, OFF, STANDBY(95) }, 0, 0, FAIL_CONFLICT, "the primary on node1 answers", "switchover" },
		{ "", { OFF, OFF, DOWN }, 0, 0, FAIL_DB, "no standby answers that could take over from node1", "start" },
		/* Interrupted, or failed after the promotion: finished. */
		{ "  promoted: node2\n", { OFF, ALONE(90), ALONE(95) }, 0, .chosen = 2 },
		{ "  promoted: node2\n", { OFF, UP, STANDBY(95) }, 0, .chosen = 2 },
		{ "  promoted: node2\n", { STANDBY(90), UP, STANDBY(95) }, 0, 0, FAIL_CONFLICT, "the primary on node2 answers", "switchover" },
		{ "  promoted: node2\n", { STANDBY(90), OFF, STANDBY(95) }, 0, .chosen = 3 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(trials); i++) {
		const struct trial *t = &trials[i];
		char text[512];
		auto_(lab_free) struct lab *lab = NULL;
		const struct node *chosen = NULL;
		struct fail e = { 0 };
		int r;

		snprintf(text, sizeof text, PG3 "%s", t->record);
		lab = parse(text);
		r = plan_failover_to(lab, t->all, false, &chosen, &e);
		judge(t, i, lab, r, chosen, &e);
	}
}

static void rejoin_chooses(void **state)
{
	static const struct trial trials[] = {
		{ "  promoted: node2\n", { OFF, UP, STANDBY(90) }, 1, .chosen = 2 },
		{ "  promoted: node2\n", { STANDBY(90), UP, STANDBY(90) }, 1, .chosen = 2 },
		{ "  promoted: node2\n", { OFF, UP, STANDBY(90) }, 2, 0, FAIL_USAGE, "node2 has the primary: the others follow it", "start node2" },
		{ "  promoted: node2\n", { OFF, DOWN, ALONE(90) }, 1, 0, FAIL_DB, "that one does not answer", "failover primary" },
		{ "  promoted: node2\n", { OFF, ALONE(90), ALONE(90) }, 1, 0, FAIL_DB, "that one is not promoted yet", "failover primary" },
		{ "  standby: 2\n", { UP, STANDBY(90), OFF }, 3, 0, FAIL_USAGE, "node3 has neither a primary nor a standby", "" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(trials); i++) {
		const struct trial *t = &trials[i];
		char text[512];
		auto_(lab_free) struct lab *lab = NULL;
		const struct node *chosen = NULL;
		struct fail e = { 0 };
		int r;

		snprintf(text, sizeof text, PG3 "%s", t->record);
		lab = parse(text);
		r = plan_rejoin_to(lab, t->all, &lab->nodes[t->wanted - 1], &chosen, &e);
		judge(t, i, lab, r, chosen, &e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_exchange_roles_and_numbers), cmocka_unit_test(what_cannot_be_promoted),
		cmocka_unit_test(bad_records), cmocka_unit_test(the_record_knows_better_than_the_lab_file),
		cmocka_unit_test(switchover_chooses), cmocka_unit_test(failover_chooses), cmocka_unit_test(rejoin_chooses),
	};

	return cmocka_run_group_tests_name("takeover", tests, NULL, NULL);
}
