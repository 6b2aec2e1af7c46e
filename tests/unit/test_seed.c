/* SPDX-License-Identifier: PostgreSQL */
/* The seed: its files, and an archive that tar can read. */
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "file.h"
#include "lab.h"
#include "proc.h"
#include "seed.h"

static struct lab *lab;

static int open_lab(void **state)
{
	static const char yaml[] = "lab: d\nnodes: 3\nnetwork: {subnet: 10.88.0.0/24}\n";
	const struct lab_options o = { .state_dir = "/var/lib/labctl" };
	struct fail e = { 0 };

	(void)state;
	return lab_parse(yaml, sizeof yaml - 1, "test.yaml", &o, &lab, &e);
}

static int close_lab(void **state)
{
	(void)state;
	lab_free(lab);
	return 0;
}

static const struct seed_keys keys = { "PRIVATE", "ssh-ed25519 AAAA host\n", "ssh-ed25519 BBBB lab\n" };

static const struct payload_file *file_at(const struct payload_file *files, unsigned count, const char *path)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(files[i].path, path))
			return &files[i];
	return NULL;
}

static void identity(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	unsigned count;
	const struct payload_file *files = seed_files(lab, &lab->nodes[1], &keys, a, &count), *f;

	(void)state;
	assert_string_equal(file_at(files, count, "/etc/hostname")->text, "node2\n");
	assert_non_null(strstr(file_at(files, count, "/etc/hosts")->text, "10.88.0.13 node3.lab.internal node3\n"));
	f = file_at(files, count, "/etc/machine-id");
	assert_int_equal(strlen(f->text), 33);
	assert_null(strchr(f->text, '-'));
	f = file_at(files, count, "/etc/systemd/network/10-labctl.network");
	assert_non_null(strstr(f->text, "MACAddress=52:54:0a:58:00:0c\n"));
	assert_non_null(strstr(f->text, "Address=10.88.0.12/24\nGateway=10.88.0.1\nDNS=10.88.0.1\n"));
	assert_non_null(strstr(f->text, "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"));
	assert_string_equal(file_at(files, count, "/etc/ssh/ssh_host_ed25519_key")->mode, "0600");
	assert_string_equal(file_at(files, count, "/etc/ssh/ssh_host_ed25519_key")->text, "PRIVATE\n");
	assert_string_equal(file_at(files, count, "/root/.ssh/authorized_keys")->text, keys.authorized);
	assert_non_null(strstr(file_at(files, count, "/etc/labctl-id")->text, lab->uuid));
}

/* The host's udev may have replaced a container's MAC address: the container finds its link by name and sets the address again. */
static void link_of_container(void **state)
{
	static const char yaml[] = "lab: d\nnodes: 1\nhypervisor: lxc\nnetwork: {subnet: 10.88.0.0/24}\n";
	const struct lab_options o = { .state_dir = "/var/lib/labctl" };
	auto_(arena_free) struct arena *a = arena_new();
	auto_(lab_free) struct lab *d = NULL;
	struct fail e = { 0 };
	unsigned count;
	const struct payload_file *files;

	(void)state;
	assert_int_equal(lab_parse(yaml, sizeof yaml - 1, "test.yaml", &o, &d, &e), 0);
	files = seed_files(d, &d->nodes[0], &keys, a, &count);
	assert_non_null(strstr(file_at(files, count, "/etc/systemd/network/10-labctl.network")->text,
			       "[Match]\nName=eth0\n\n[Link]\nMACAddress=52:54:0a:58:00:0b\n"));
}

/* Releases without ed25519 get an RSA host key, under the name that their sshd reads. */
static void keys_of_their_age(void **state)
{
	static const struct { const char *release, *path; } cases[] = {
		{ "el5", "/etc/ssh/ssh_host_rsa_key" }, { "el6", "/etc/ssh/ssh_host_rsa_key" },
		{ "el7", "/etc/ssh/ssh_host_ed25519_key" }, { "debian12", "/etc/ssh/ssh_host_ed25519_key" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		auto_(arena_free) struct arena *a = arena_new();
		auto_(lab_free) struct lab *d = NULL;
		const char *yaml = arena_printf(a, "lab: d\nnodes: 1\nimage: {source: /a.img, seed: labctl, release: %s}\n"
						"network: {subnet: 10.88.0.0/24}\n", cases[i].release);
		const struct payload_file *files;
		struct fail e = { 0 };
		unsigned count;

		assert_int_equal(lab_parse(yaml, strlen(yaml), "test.yaml", NULL, &d, &e), 0);
		files = seed_files(d, &d->nodes[0], &keys, a, &count);
		assert_string_equal(file_at(files, count, cases[i].path)->mode, "0600");
		assert_string_equal(file_at(files, count, arena_printf(a, "%s.pub", cases[i].path))->mode, "0644");
	}
}

static void archive(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf list = { 0 }, said = { 0 };
	unsigned count;
	const struct payload_file *files = seed_files(lab, &lab->nodes[1], &keys, a, &count);
	size_t len, again;
	const void *tar = seed_tar(files, count, a, &len);
	char dir[] = "/tmp/labctl-seed-XXXXXX";
	const char *list_argv[] = { "tar", "-tvf", "-", "--numeric-owner", NULL };
	struct fail e = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(len % 512, 0);
	assert_memory_equal(tar, seed_tar(files, count, a, &again), len);
	assert_int_equal(proc_check(&(struct proc){ .argv = list_argv, .input = tar, .input_len = len, .out = &list,
						    .deadline_ms = clock_after_ms(10000) }, &e), 0);
	assert_non_null(strstr(list.text, "-rw------- 0/0 "));
	assert_non_null(strstr(list.text, " root/.ssh/authorized_keys\n"));
	assert_non_null(mkdtemp(dir));
	const char *extract_argv[] = { "tar", "-xf", "-", "-C", dir, "--preserve-permissions", NULL };
	assert_int_equal(proc_check(&(struct proc){ .argv = extract_argv, .input = tar, .input_len = len, .out = &said,
						    .deadline_ms = clock_after_ms(10000) }, &e), 0);
	for (unsigned i = 0; i < count; i++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };

		assert_int_equal(file_read(arena_printf(a, "%s%s", dir, files[i].path), 1 << 20, &text, &e), 0);
		assert_string_equal(strbuf_text(&text), files[i].text);
		assert_int_equal(stat(arena_printf(a, "%s%s", dir, files[i].path), &st), 0);
		assert_int_equal(st.st_mode & 07777, strtoul(files[i].mode, NULL, 8));
	}
	assert_int_equal(file_remove_tree(dir, &e), 0);
}

/* The user-data's command, run on a test's sshd_config: removes a vendor's prohibitions and nothing else. */
static void let_root_in(const char *command)
{
	static const char before[] = "Port 22\n  permitrootlogin\tno\nPermitRootLogin yes\n#PermitRootLogin no\n"
				     "Match Address ::1\nPermitRootLogin forced-commands-only\n";
	static const char after[] = "Port 22\nPermitRootLogin without-password\nPermitRootLogin yes\n#PermitRootLogin no\n"
				    "Match Address ::1\nPermitRootLogin without-password\n";
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf moved = { 0 }, found = { 0 };
	char dir[] = "/tmp/labctl-seed-XXXXXX";
	struct fail e = { 0 };

	assert_non_null(command);
	assert_non_null(mkdtemp(dir));
	for (const char *p = command; *p; p++)
		if (!strncmp(p, "/etc/ssh", 8))
			strbuf_str(&moved, dir), p += 7;
		else
			strbuf_char(&moved, *p);
	const char *argv[] = { "sh", "-c", strbuf_text(&moved), NULL }, *path = arena_printf(a, "%s/sshd_config", dir);

	assert_int_equal(file_write(path, before, strlen(before), 0600, &e), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(proc_check(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(10000) }, &e), 0);
	assert_int_equal(file_read(path, 4096, &found, &e), 0);
	assert_string_equal(strbuf_text(&found), after);
	assert_int_equal(file_remove_tree(dir, &e), 0);
}

/* The data for cloud-init is valid JSON, and therefore YAML, whatever the keys contain. */
static void cloud(void **state)
{
	static const char yaml[] = "lab: d\nnodes: 3\nimage: /a.img\nnetwork: {subnet: 10.88.0.0/24}\n";
	static const struct seed_keys odd = { "PRI: \"VATE\"\n- x\n", "ssh-ed25519 AAAA host\n", "ssh-ed25519 BBBB lab\n" };
	auto_(arena_free) struct arena *a = arena_new();
	auto_(lab_free) struct lab *d = NULL;
	const struct payload_file *files, *f;
	struct fail e = { 0 };
	const char *text;
	unsigned count;
	json_t *json;

	(void)state;
	assert_int_equal(lab_parse(yaml, sizeof yaml - 1, "test.yaml", NULL, &d, &e), 0);
	files = seed_files(d, &d->nodes[1], &odd, a, &count);
	assert_int_equal(count, 3);
	for (unsigned i = 0; i < count; i++)
		assert_string_equal(files[i].mode, "0600");
	f = file_at(files, count, "/user-data");
	assert_int_equal(strncmp(f->text, "#cloud-config\n", 14), 0);
	json = json_loads(f->text + 14, 0, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "ssh_keys"), "ed25519_private")),
			    odd.host_private);
	assert_string_equal(json_string_value(json_array_get(
				json_object_get(json_array_get(json_object_get(json, "users"), 0), "ssh_authorized_keys"), 0)),
			    "ssh-ed25519 BBBB lab");
	assert_true(json_is_false(json_object_get(json, "disable_root")));
	let_root_in(json_string_value(json_array_get(json_array_get(json_object_get(json, "bootcmd"), 0), 2)));
	text = json_string_value(json_object_get(json_array_get(json_object_get(json, "write_files"), 0), "content"));
	assert_non_null(strstr(text, "10.88.0.13 node3.lab.internal node3\n"));
	text = json_string_value(json_object_get(json_array_get(json_object_get(json, "write_files"), 1), "content"));
	assert_string_equal(text, seed_id(d, &d->nodes[1], a));
	json_decref(json);
	json = json_loads(file_at(files, count, "/meta-data")->text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "instance-id")), d->nodes[1].uuid);
	json_decref(json);
	json = json_loads(file_at(files, count, "/network-config")->text, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(json, "version")), 2);
	json_decref(json);
	text = file_at(files, count, "/network-config")->text;
	assert_non_null(strstr(text, "\"10.88.0.12/24\""));
	assert_non_null(strstr(text, "\"macaddress\": \"52:54:0a:58:00:0c\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(identity), cmocka_unit_test(link_of_container), cmocka_unit_test(keys_of_their_age), cmocka_unit_test(archive), cmocka_unit_test(cloud) };

	return cmocka_run_group_tests_name("seed", tests, open_lab, close_lab);
}
