/* SPDX-License-Identifier: PostgreSQL */
/* Configuration files: layers, problems, labs that exist, and that every kind has a source. The command: tests/cli/config.bats. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "recipe.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static int try_read(struct config *c, const char *file, const char *text, struct fail *e)
{
	static const struct lab_options nothing = { 0 };

	*e = (struct fail){ 0 };
	return config_read(c, text, strlen(text), file, &nothing, e);
}

static void read_layer(struct config *c, const char *file, const char *text)
{
	struct fail e;

	if (try_read(c, file, text, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
}

static struct lab *parse(const char *text, const struct config *c, const struct lab *has)
{
	const struct lab_options o = { .config = c, .has = has };
	struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(text, strlen(text), "lab.yaml", &o, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	return lab;
}

static const struct config_value *value(const struct config *c, const char *key)
{
	for (unsigned i = 0; i < c->count; i++)
		if (!strcmp(c->values[i].key, key))
			return &c->values[i];
	fail_msg("no key %s", key);
	return NULL;
}

static void assert_text(const struct config *c, const struct lab *lab, const char *key, const char *expect)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	assert_int_equal(config_text(c, (unsigned)(value(c, key) - c->values), lab, &text), expect != NULL);
	if (expect)
		assert_string_equal(strbuf_text(&text), expect);
}

/* Each key by itself: lab file over user over system over built-in. */
static void a_later_layer_overrides_key_by_key(void **state)
{
	struct config *c = config_new(arena);
	auto_(lab_free) struct lab *lab = NULL;

	(void)state;
	read_layer(c, "/etc/labctl/config.yaml",
		   "hypervisor: lxc\ndefaults: {memory: 2GiB, cpus: 2, disk: 30GiB}\ntuning: {timezone: Europe/Berlin}\n"
		   "sources: {citus: https://mirror.example/citus-1.tar.gz}\nmirror: http://deb.example.org/debian http://deb.example.org/debian-security\n");
	read_layer(c, "/root/.config/labctl/config.yaml", "# mine\ndefaults: {memory: 4GiB, cpus: 3}\n");
	lab = parse("defaults: {cpus: 5}\nnodes: 2\n", c, NULL);
	assert_int_equal(lab->hypervisor, HYPERVISOR_LXC);
	assert_int_equal(lab->nodes[1].cpus, 5);
	assert_int_equal(lab->nodes[1].memory_mib, 4096);
	assert_int_equal(lab->nodes[1].disk_gib, 30);
	assert_string_equal(lab->tuning.timezone, "Europe/Berlin");
	assert_string_equal(lab->tuning.locale, "en_US.UTF-8");
	assert_string_equal(c->mirror, "http://deb.example.org/debian http://deb.example.org/debian-security");
	assert_int_equal(lab_line(lab, "defaults.cpus"), 1);
	assert_int_equal(lab_line(lab, "defaults.memory"), 0);
	assert_string_equal(value(c, "defaults.memory")->file, "/root/.config/labctl/config.yaml");
	assert_int_equal(value(c, "defaults.memory")->line, 2);
	assert_string_equal(value(c, "defaults.disk")->file, "/etc/labctl/config.yaml");
	assert_null(value(c, "tuning.locale")->file);
	assert_text(c, lab, "hypervisor", "lxc");
	assert_text(c, lab, "defaults.memory", "4GiB");
	assert_text(c, lab, "network.hostname", "@{node}");
	assert_text(c, lab, "tuning.ntp_server", NULL);
	assert_text(c, lab, "mirror", "http://deb.example.org/debian http://deb.example.org/debian-security");
	assert_text(c, lab, "image", "debian12");
	assert_text(c, lab, "sources.citus", "https://mirror.example/citus-1.tar.gz");
	assert_text(c, lab, "sources.pgxc", recipe_find("pgxc")->source);
}

static void all_mistakes_at_once(void **state)
{
	struct config *c = config_new(arena);
	struct fail e;

	(void)state;
	assert_int_equal(try_read(c, "/etc/labctl/config.yaml",
				  "hypervisr: lxc\nnodes: 3\nmirror: mirror.example.org\ndefaults: {memory: 8, memroy: 8GiB}\n"
				  "sources: {pgcx: /x.tar.gz}\ndata: {export_root: /srv/x}\n", &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	assert_string_equal(e.evidence,
			    "/etc/labctl/config.yaml:1: hypervisr: unknown key (did you mean hypervisor?)\n"
			    "/etc/labctl/config.yaml:2: nodes: unknown key; known here: hypervisor, image, mirror, sources, network, "
			    "defaults, data, tuning\n"
			    "/etc/labctl/config.yaml:3: mirror: 'mirror.example.org' must be URLs of Debian archives, separated by "
			    "blanks: http://HOST/debian (http, https or file)\n"
			    "/etc/labctl/config.yaml:4: defaults.memory: must be a whole number with a unit (MiB, GiB, TiB), got '8': "
			    "the unit is missing\n"
			    "/etc/labctl/config.yaml:4: defaults.memroy: unknown key (did you mean memory?)\n"
			    "/etc/labctl/config.yaml:5: sources.pgcx: unknown key (did you mean pgxc?)\n"
			    "/etc/labctl/config.yaml:6: data.export_root: unknown key; known here: transport, server, mount, options, "
			    "mount_options");
}

/* A contradiction that appears only with the lab file names the line of the configuration. */
static void a_contradiction_names_the_configuration(void **state)
{
	struct config *c = config_new(arena);
	const struct lab_options o = { .config = c };
	const char *text = "nodes: 2\n";
	struct lab *lab = NULL;
	struct fail e = { 0 };

	(void)state;
	read_layer(c, "/etc/labctl/config.yaml", "# defaults\ntuning: {profile: classic-el5}\n");
	assert_int_equal(lab_parse(text, strlen(text), "lab.yaml", &o, &lab, &e), -1);
	assert_true(!strncmp(e.text, "/etc/labctl/config.yaml:2: tuning.profile: classic-el5 is for", 60));
}

/* Relative paths begin at the configuration file; the image of a lab file is none of its keys mixed with others. */
static void paths_and_images(void **state)
{
	struct config *c = config_new(arena);
	auto_(lab_free) struct lab *lab = NULL, *other = NULL;
	struct fail e = { 0 };

	(void)state;
	read_layer(c, "/etc/labctl/config.yaml",
		   "image: {source: disks/el.qcow2, boot: uefi, release: el9}\nsources: {pgxc: ../pgxc.tar.gz}\n");
	lab = parse("cluster: {kind: pgxc}\nnodes: 3\n", c, NULL);
	assert_string_equal(lab->image, "/etc/labctl/disks/el.qcow2");
	assert_int_equal(lab->disk_image.boot, BOOT_UEFI);
	assert_string_equal(lab->disk_image.release, "el9");
	assert_null(lab->cluster.archive);
	assert_int_equal(lab_default_source(lab, c, &e), 0);
	assert_string_equal(lab->cluster.archive, "/etc/labctl/../pgxc.tar.gz");
	other = parse("image: {source: /x/debian-12.qcow2}\n", c, NULL);
	assert_string_equal(other->image, "/x/debian-12.qcow2");
	assert_int_equal(other->disk_image.boot, BOOT_BIOS);
	assert_null(other->disk_image.release);
}

/* What only the configuration sets stays as the lab has it; what the lab file sets is wanted. */
static void an_existing_lab_keeps_its_values(void **state)
{
	static const char file[] = "nodes: 2\ntuning: {timezone: UTC}\n";
	struct config *before = config_new(arena), *after = config_new(arena);
	auto_(lab_free) struct lab *has = NULL, *again = NULL, *new = NULL;

	(void)state;
	/* nor does it take another image when labctl's default changes */
	has = parse("image: debian13\n", config_new(arena), NULL);
	again = parse("nodes: 1\n", config_new(arena), has);
	assert_string_equal(again->image, "debian13");
	lab_free(has);
	lab_free(again);
	read_layer(before, "/etc/labctl/config.yaml", "hypervisor: lxc\nimage: debian12\ndefaults: {memory: 2GiB}\n");
	has = parse(file, before, NULL);
	read_layer(after, "/etc/labctl/config.yaml", "hypervisor: qemu\nimage: /x/a.qcow2\n"
		   "defaults: {memory: 4GiB, cpu_quota: 50}\ntuning: {timezone: Europe/Berlin, ntp_server: ntp.example.org}\n");
	again = parse(file, after, has);
	assert_int_equal(again->hypervisor, HYPERVISOR_LXC);
	assert_string_equal(again->image, "debian12");
	assert_int_equal(again->nodes[0].memory_mib, 2048);
	assert_int_equal(again->cpu_quota, 0);
	assert_null(again->tuning.ntp_server);
	assert_string_equal(again->tuning.timezone, "UTC");
	new = parse(file, after, NULL);
	assert_int_equal(new->hypervisor, HYPERVISOR_QEMU);
	assert_int_equal(new->nodes[0].memory_mib, 4096);
	assert_string_equal(new->tuning.ntp_server, "ntp.example.org");
}

static const char *default_source(const char *text, const struct config *c)
{
	auto_(lab_free) struct lab *lab = parse(text, c, NULL);
	struct fail e = { 0 };

	assert_int_equal(lab_default_source(lab, c, &e), 0);
	return arena_strdup(arena, lab->cluster.archive);
}

/* cluster.source over sources of the lab file over sources of the configuration over the recipe. */
static void sources(void **state)
{
	struct config *c = config_new(arena);

	(void)state;
	read_layer(c, "/etc/labctl/config.yaml", "sources: {pgxc: https://x.example/pgxc-2.tar.gz}\n");
	assert_string_equal(default_source("cluster: {kind: pgxc, source: {archive: /a.tar}}\nsources: {pgxc: /b.tar}\n", c), "/a.tar");
	assert_string_equal(default_source("cluster: {kind: pgxc}\nsources: {pgxc: /b.tar}\n", c), "/b.tar");
	assert_string_equal(default_source("cluster: {kind: pgxc}\n", c), "https://x.example/pgxc-2.tar.gz");
	assert_string_equal(default_source("cluster: {kind: pgxc}\n", NULL), recipe_find("pgxc")->source);
	assert_string_equal(default_source("image: debian12\ncluster: {kind: citus}\n", c), recipe_find("citus")->source);
	assert_string_equal(default_source("image: debian13\ncluster: {kind: citus}\n", c),
			    "https://github.com/citusdata/citus/archive/v14.0.1/citus-14.0.1.tar.gz");
	assert_null(default_source("cluster: {kind: postgres}\n", c));
	assert_null(default_source("nodes: 3\n", c));
	/* A disk may have the software. */
	assert_null(default_source("image: /x/y.qcow2\ncluster: {kind: citus}\n", c));
	for (const char *const *kind = recipe_kinds(); *kind; kind++) {
		const struct recipe *r = recipe_find(*kind);
		char text[80];

		snprintf(text, sizeof text, "sources: {%s: /own.tar}\ncluster: {kind: %s}\n", *kind, *kind);
		assert_true(r->build || !r->source);
		if (r->build) {
			assert_string_equal(default_source(text, c), "/own.tar");
			assert_true(!r->source || strstr(strrchr(r->source, '/'), *kind)); /* the URL ends with the archive's name */
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_layer_overrides_key_by_key),
		cmocka_unit_test(all_mistakes_at_once),
		cmocka_unit_test(a_contradiction_names_the_configuration),
		cmocka_unit_test(paths_and_images),
		cmocka_unit_test(an_existing_lab_keeps_its_values),
		cmocka_unit_test(sources),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
