/* SPDX-License-Identifier: PostgreSQL */
/* doctor and version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capacity.h"
#include "clock.h"
#include "cli.h"
#include "defaults.h"
#include "family.h"
#include "file.h"
#include "image.h"
#include "medium.h"
#include "nfs.h"
#include "plural.h"
#include "proc.h"
#include "virt.h"

#define SPACE_WANTED_BYTES (4LL << 30) /* an image with its root tree takes about 2 GiB while it is built */

enum verdict { PASS, WARN, FAULT };

static void check(json_t *rows, enum verdict verdict, const char *what, const char *found, const char *remedy)
{
	static const char *const names[] = { "pass", "warn", "fail" };

	json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "check", what, "result", names[verdict], "found", found,
					      "remedy", verdict == PASS ? "" : remedy));
}

static void check_programs(json_t *rows)
{
	static const struct {
		const char *program, *what, *package;
		enum verdict missing;
	} programs[] = {
		{ "qemu-img", "disks", "qemu-utils", FAULT },
		{ "qemu-system-x86_64", "machines", "qemu-system-x86", WARN },
		{ "mmdebstrap", "image builds", "mmdebstrap", FAULT },
		{ "mke2fs", "image builds", "e2fsprogs", FAULT },
		{ "ssh-keygen", "keys", "openssh-client", FAULT },
		{ "dnsmasq", "lab networks", "dnsmasq-base", FAULT },
		{ "tar", "archives", "tar", FAULT },
		{ "psql", "labctl psql", "postgresql-client", WARN },
		{ "debugfs", "installed images", "e2fsprogs", WARN },
	};

	for (size_t i = 0; i < ARRAY_COUNT(programs); i++) {
		bool found = proc_found(programs[i].program);
		char remedy[80];

		snprintf(remedy, sizeof remedy, "apt-get install %s", programs[i].package);
		check(rows, found ? PASS : programs[i].missing, programs[i].what,
		      found ? programs[i].program : "not installed", remedy);
	}
}

/* Checks for files, not programs, that only some images need. */
static void check_files(json_t *rows)
{
	const struct medium *debian = medium_of(&releases[RELEASE_DEBIAN12]);
	const struct { const char *path, *found, *what, *package; } files[] = {
		{ "/usr/share/qemu/firmware", "OVMF", "images that boot by UEFI", "ovmf" },
		{ debian->kernel, "netboot kernel", "installations of Debian", debian->package },
	};

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		bool found = file_exists(files[i].path);
		char remedy[80];

		snprintf(remedy, sizeof remedy, "apt-get install %s", files[i].package);
		check(rows, found ? PASS : WARN, files[i].what, found ? files[i].found : "not installed", remedy);
	}
	check(rows, PASS, "kickstart grammar", proc_found("ksvalidator") ? "checked by labctl and ksvalidator" : "checked by labctl", "");
}

static bool check_libvirt(struct cli *c, json_t *rows, const char *uri, const char *what, enum verdict missing)
{
	auto_(virt_close) struct virt *v = NULL;
	struct fail e = { 0 };
	char version[32], found[80];

	if (virt_open(c->connect ? c->connect : uri, &v, &e) < 0 || virt_version(v, version, &e) < 0) {
		check(rows, missing, what, e.text, "systemctl start libvirtd, or tests/support/sandbox where no systemd runs");
		return false;
	}
	snprintf(found, sizeof found, "libvirt %s", version);
	check(rows, PASS, what, found, "");
	return true;
}

static void check_space(json_t *rows, const char *what, const char *path)
{
	int64_t bytes = file_space_bytes(path);
	char found[320];

	snprintf(found, sizeof found, "%.1f GiB free in %s", (double)bytes / (1LL << 30), path);
	check(rows, bytes >= SPACE_WANTED_BYTES ? PASS : WARN, what, found,
	      "free 4 GiB, or set LABCTL_CACHE and LABCTL_STATE");
}

#define CONTAINERS_WANTED 8u

static void check_inotify(struct cli *c, json_t *rows)
{
	unsigned wanted = CONTAINERS_WANTED * CAPACITY_CONTAINER_INOTIFY + CAPACITY_NETWORK_INOTIFY, left = capacity_inotify(wanted);

	check(rows, left == wanted ? PASS : WARN, "containers",
	      left == wanted ? arena_printf(c->arena, "inotify instances for %u more containers", CONTAINERS_WANTED)
			     : arena_printf(c->arena, "%u inotify instances left, enough for %u more", left,
					    left / CAPACITY_CONTAINER_INOTIFY),
	      "sysctl -w fs.inotify.max_user_instances=1024");
}

/* The package sources of the images that labctl builds: the host's or $LABCTL_MIRROR's, for the release of the image. */
static void check_mirror(struct cli *c, json_t *rows)
{
	const char *const argv[] = { "bash", arena_printf(c->arena, "%s/kickstart/build-image", library_dir(c->lib)), "--release",
				     DEFAULT_IMAGE, "--sources", NULL };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct fail e = { 0 };
	bool found = proc_check(&(struct proc){ .argv = argv, .out = &out, .deadline_ms = clock_after_ms(60000), .cancel = c->cancel },
				&e) == 0 && out.len > 0;
	bool secure = found && strstr(strbuf_text(&out), "-security main\n");

	check(rows, secure ? PASS : WARN, "Debian's packages",
	      !found ? "no mirror: the host's apt has no lists of Debian's main" :
	      !secure ? "no security updates: no source has them" :
	      getenv("LABCTL_MIRROR") ? "mirror of LABCTL_MIRROR, with security updates" : "mirror of the host's apt, with security updates",
	      "apt-get update; or LABCTL_MIRROR=\"http://HOST/debian http://HOST/debian-security\" (labctl(1), ENVIRONMENT)");
}

static void check_image(struct cli *c, json_t *rows)
{
	struct image_env env = { .cache_dir = c->cache_dir, .deadline_ms = CLOCK_NEVER,
				 .kickstart = arena_printf(c->arena, "%s/kickstart", library_dir(c->lib)) };
	struct image image;
	struct fail e = { 0 };
	bool found = image_find(&env, DEFAULT_IMAGE, c->arena, &image, &e) == 0;

	check(rows, found ? PASS : WARN, "image " DEFAULT_IMAGE, found ? image.dir : "not built yet: the first create builds it",
	      "labctl image build");
}

static void print_remedies(const json_t *rows)
{
	const char *gap = "\n";
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *remedy = json_string_value(json_object_get(row, "remedy"));

		if (!*remedy)
			continue;
		printf("%s%s: %s\n", gap, json_string_value(json_object_get(row, "check")), remedy);
		gap = "";
	}
}

static int doctor(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "check", "CHECK", false }, { "result", "RESULT", false },
						 { "found", "FOUND", false } };
	static const char *const nfs_words[] = { "none", "kernel server", "nfs-ganesha" };
	json_t *rows = json_array(), *doc, *row;
	const char *why = "";
	unsigned faults = 0;
	enum nfs_kind nfs;
	bool machines;
	size_t i;
	int r;

	check(rows, geteuid() == 0 ? PASS : FAULT, "root", geteuid() == 0 ? "yes" : "no", "run labctl as root");
	check(rows, virt_kvm_works(&why) ? PASS : WARN, "kvm", virt_kvm_works(&why) ? "works" : why,
	      "use --hypervisor lxc (containers), or emulation (slow)");
	/* One of the two drivers is enough. */
	machines = check_libvirt(c, rows, LIBVIRT_QEMU, "libvirt qemu", WARN);
	check_libvirt(c, rows, LIBVIRT_LXC, "libvirt lxc", machines ? WARN : FAULT);
	nfs = nfs_probe(&why);
	check(rows, nfs == NFS_KIND_NONE ? WARN : PASS, "nfs server",
	      arena_printf(c->arena, "%s%s%s", nfs_words[nfs], *why ? ": " : "", why), "apt-get install nfs-ganesha nfs-ganesha-vfs");
	check_programs(rows);
	check_files(rows);
	check_inotify(c, rows);
	check_space(rows, "space for images", c->cache_dir);
	check_space(rows, "space for labs", c->state_dir);
	check_mirror(c, rows);
	check_image(c, rows);
	json_array_foreach(rows, i, row)
		faults += !strcmp(json_string_value(json_object_get(row, "result")), "fail");
	doc = json_pack("{s:i, s:b, s:O}", "v", 1, "fit", faults == 0, "checks", rows);
	r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	if (!c->json)
		print_remedies(rows);
	c->reported = c->json; /* the member "fit" says it */
	json_decref(doc);
	json_decref(rows);
	return r < 0 ? r : faults ? fail(e, FAIL_HOST, "this host cannot run labs: %u check%s failed", faults, plural(faults)) : 0;
}

const struct command cmd_doctor = {
	.name = "doctor", .run = doctor, .without = NO_LAB,
	.summary = "check whether this host can run labs, and list what is missing",
};

static int version(struct cli *c, struct fail *e)
{
	if (c->json) {
		json_t *doc = json_pack("{s:i, s:s, s:s}", "v", 1, "labctl", LABCTL_VERSION, "data", library_dir(c->lib));
		int r = report_json(doc, e);

		json_decref(doc);
		return r;
	}
	printf("labctl %s\ndata files: %s\n", LABCTL_VERSION, library_dir(c->lib));
	return 0;
}

const struct command cmd_version = {
	.name = "version", .run = version, .without = NO_LAB | NO_STATE,
	.summary = "show the version of labctl and of its libraries",
};
