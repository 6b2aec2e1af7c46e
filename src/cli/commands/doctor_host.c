/* SPDX-License-Identifier: PostgreSQL */
/* What the host is and has: rights, hypervisors, programs, limits, space. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capacity.h"
#include "clock.h"
#include "defaults.h"
#include "doctor.h"
#include "family.h"
#include "file.h"
#include "image.h"
#include "medium.h"
#include "nfs.h"
#include "proc.h"
#include "sandbox.h"
#include "virt.h"

#define SPACE_WANTED_BYTES (4LL << 30) /* an image with its root tree takes about 2 GiB while it is built */
#define MEMORY_WANTED_MIB 1536         /* a machine of the default size, and the host */
#define CONTAINERS_WANTED 8u
#define FILES_WANTED 1024u             /* sessions, pipes and logs of 64 steps at once */
#define PROCESSES_WANTED 65536         /* eight nodes with a busy database */

static void look_root(struct doctor *d, const struct check *k)
{
	doctor_add(d, k, geteuid() == 0, geteuid() == 0 ? "yes" : "no", NULL);
}

static void look_kvm(struct doctor *d, const struct check *k)
{
	const char *why = "";
	bool works = virt_kvm_works(&why);

	doctor_add(d, k, works, works ? "works" : why, NULL);
}

static void look_sandbox(struct doctor *d, const struct check *k)
{
	const char *sandbox = getenv("LABCTL_SANDBOX");

	if (sandbox && *sandbox)
		doctor_add(d, k, true, sandbox, NULL);
}

/* What makes libvirt answer: its package, its daemon, or a sandbox. */
static const char *libvirt_fix(struct doctor *d, const char *driver)
{
	struct cli *c = d->c;
	const char *const *sandboxes = sandbox_list(true, c->arena);

	if (!proc_found("libvirtd") && !proc_found(arena_printf(c->arena, "virt%sd", driver)))
		return arena_printf(c->arena, "apt-get install libvirt-daemon-system libvirt-clients libvirt-daemon-driver-%s%s", driver,
				    strcmp(driver, "qemu") ? "" : " qemu-system-x86");
	return file_exists("/run/systemd/system") && !*sandboxes ? "systemctl start libvirtd" : NULL;
}

static void look_libvirt(struct doctor *d, const struct check *k)
{
	struct cli *c = d->c;
	bool lxc = !strcmp(k->arg, "lxc");
	struct check row = *k;
	auto_(virt_close) struct virt *v = NULL;
	const char *const *sandboxes;
	struct fail e = { 0 };
	char version[32];

	if (virt_open(c->connect ? c->connect : lxc ? LIBVIRT_LXC : LIBVIRT_QEMU, &v, &e) == 0 && virt_version(v, version, &e) == 0) {
		doctor_add(d, k, true, arena_printf(c->arena, "libvirt %s", version), NULL);
		d->machines |= !lxc;
		return;
	}
	/* One of the two drivers is enough. */
	row.missing = lxc && !d->machines ? FAULT : WARN;
	sandboxes = sandbox_list(true, c->arena);
	row.advice = *sandboxes ? arena_printf(c->arena, "LABCTL_SANDBOX=%s labctl ...", *sandboxes) :
				  "systemctl start libvirtd, or tests/support/sandbox where no systemd runs";
	doctor_add(d, &row, false, e.text, libvirt_fix(d, k->arg));
}

static void look_nfs(struct doctor *d, const struct check *k)
{
	static const char *const words[] = { "none", "kernel server, which listens on every address of this host", "nfs-ganesha" };
	const char *why = "";
	enum nfs_kind nfs = nfs_probe(&why);

	doctor_add(d, k, nfs != NFS_KIND_NONE, arena_printf(d->c->arena, "%s%s%s", words[nfs], nfs == NFS_KIND_KERNEL ? "" : ": ",
							      nfs == NFS_KIND_KERNEL ? "" : why), nfs_remedy());
}

static void look_program(struct doctor *d, const struct check *k)
{
	bool found = proc_found(k->arg);

	doctor_add(d, k, found, found ? k->arg : "not installed", NULL);
}

static void look_uefi(struct doctor *d, const struct check *k)
{
	bool found = file_exists("/usr/share/qemu/firmware");

	doctor_add(d, k, found, found ? "OVMF" : "not installed", NULL);
}

/* The installers of Debian that this host has. Each release packages its own: without any, the host's is named. */
static void look_netboot(struct doctor *d, const struct check *k)
{
	auto_(strbuf_clear) struct strbuf found = { 0 }, os = { 0 };
	struct arena *a = d->c->arena;
	const char *fix = NULL;
	struct fail ignored = { 0 };

	file_read("/etc/os-release", 65536, &os, &ignored);
	for (unsigned i = 0; i < RELEASE_COUNT; i++) {
		const struct medium *m = medium_of(&releases[i]);

		if (!m->package)
			continue;
		if (file_exists(m->kernel))
			strbuf_printf(&found, "%s%s", found.len ? ", " : "netboot kernel of ", releases[i].name);
		if (!strncmp(releases[i].name, "debian", 6) &&
		    strstr(strbuf_text(&os), arena_printf(a, "VERSION_ID=\"%s\"", releases[i].name + 6)))
			fix = arena_printf(a, "apt-get install %s", m->package);
	}
	doctor_add(d, k, found.len > 0, found.len ? arena_strdup(a, found.text) : "not installed", fix);
}

static void look_grammar(struct doctor *d, const struct check *k)
{
	doctor_add(d, k, true, proc_found("ksvalidator") ? "checked by labctl and ksvalidator" : "checked by labctl", NULL);
}

/* Processes confined by AppArmor without libvirt's profiles could not be started. */
static void look_apparmor(struct doctor *d, const struct check *k)
{
	auto_(strbuf_clear) struct strbuf on = { 0 }, profiles = { 0 };
	struct fail ignored = { 0 };

	if (file_read("/sys/module/apparmor/parameters/enabled", 16, &on, &ignored) < 0 || *strbuf_text(&on) != 'Y') {
		doctor_add(d, k, true, "off", NULL);
	} else if (file_read("/sys/kernel/security/apparmor/profiles", 4u << 20, &profiles, &ignored) < 0) {
		doctor_add(d, k, true, "on; its profiles cannot be read here", NULL);
	} else {
		bool loaded = strstr(strbuf_text(&profiles), "virt-aa-helper");

		doctor_add(d, k, loaded, loaded ? "on, with libvirt's profiles" : "on, without libvirt's profiles", NULL);
	}
}

static void look_inotify(struct doctor *d, const struct check *k)
{
	unsigned wanted = CONTAINERS_WANTED * CAPACITY_CONTAINER_INOTIFY + CAPACITY_NETWORK_INOTIFY, left = capacity_inotify(wanted);

	doctor_add(d, k, left == wanted,
		   left == wanted ? arena_printf(d->c->arena, "inotify instances for %u more containers", CONTAINERS_WANTED)
				  : arena_printf(d->c->arena, "%u inotify instances left, enough for %u more", left,
						 left / CAPACITY_CONTAINER_INOTIFY),
		   NULL);
}

static void look_files(struct doctor *d, const struct check *k)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_NOFILE, &limit);
	doctor_add(d, k, limit.rlim_max >= FILES_WANTED, arena_printf(d->c->arena, "%llu for each process", (unsigned long long)limit.rlim_max), NULL);
}

static void look_processes(struct doctor *d, const struct check *k)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };
	long most = file_read("/proc/sys/kernel/pid_max", 32, &text, &ignored) == 0 ? strtol(strbuf_text(&text), NULL, 10) : PROCESSES_WANTED;

	doctor_add(d, k, most >= PROCESSES_WANTED, arena_printf(d->c->arena, "%ld at most", most), NULL);
}

static void look_memory(struct doctor *d, const struct check *k)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };
	const char *line = NULL;
	long long kib = 0;

	if (file_read("/proc/meminfo", 65536, &text, &ignored) == 0)
		line = strstr(strbuf_text(&text), "MemAvailable:");
	if (line && sscanf(line, "MemAvailable: %lld", &kib) == 1)
		doctor_add(d, k, kib >= MEMORY_WANTED_MIB * 1024LL, arena_printf(d->c->arena, "%.1f GiB available", (double)kib / (1 << 20)), NULL);
}

static void look_space(struct doctor *d, const struct check *k)
{
	const char *path = !strcmp(k->arg, "cache") ? d->c->cache_dir : d->c->state_dir;
	int64_t bytes = file_space_bytes(path);

	doctor_add(d, k, bytes >= SPACE_WANTED_BYTES, arena_printf(d->c->arena, "%.1f GiB free in %s", (double)bytes / (1LL << 30), path), NULL);
}

const char *doctor_image(struct doctor *d)
{
	struct fail ignored = { 0 };
	const char *name;

	return config_image(d->c, &name, &ignored) < 0 ? DEFAULT_IMAGE : name;
}

/* The package sources of the images that labctl builds: the host's or $LABCTL_MIRROR's, for the release of the image. */
static void look_mirror(struct doctor *d, const struct check *k)
{
	struct cli *c = d->c;
	const char *const argv[] = { "bash", arena_printf(c->arena, "%s/kickstart/build-image", library_dir(c->lib)), "--release",
				     doctor_image(d), "--sources", NULL };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct fail e = { 0 };
	bool found = proc_check(&(struct proc){ .argv = argv, .out = &out, .deadline_ms = clock_after_ms(60000), .cancel = c->cancel },
				&e) == 0 && out.len > 0;
	bool secure = found && strstr(strbuf_text(&out), "-security main\n");

	doctor_add(d, k, secure,
		   !found ? "no mirror: the host's apt has no lists of Debian's main" :
		   !secure ? "no security updates: no source has them" :
		   d->c->mirror_said ? "mirror of LABCTL_MIRROR, with security updates" :
		   getenv("LABCTL_MIRROR") ? "mirror of the configuration, with security updates" :
		   "mirror of the host's apt, with security updates",
		   NULL);
}

static void look_image(struct doctor *d, const struct check *k)
{
	struct cli *c = d->c;
	struct image_env env = { .cache_dir = c->cache_dir, .deadline_ms = CLOCK_NEVER,
				 .kickstart = arena_printf(c->arena, "%s/kickstart", library_dir(c->lib)) };
	const char *name = doctor_image(d);
	struct image image;
	struct fail e = { 0 };
	bool found = image_find(&env, name, c->arena, &image, &e) == 0;

	doctor_add(d, k, found, found ? image.dir : arena_printf(c->arena, "%s is not built yet: the first create builds it", name), NULL);
}

#define APT(package) "apt-get install " package
#define SPACE_ADVICE "free 4 GiB, or set LABCTL_CACHE and LABCTL_STATE"

const struct check checks_host[] = {
	{ "root", FAULT, NULL, NULL, "run labctl as root", look_root, NULL },
	{ "kvm", WARN, NULL, NULL, "use --hypervisor lxc (containers), or emulation (slow)", look_kvm, NULL },
	{ CHECK_GUEST, FAULT, NULL, NULL, "docs/why/001-kvm-that-is-not-kvm.md has causes; --hypervisor lxc or qemu works without KVM", look_guest, NULL },
	{ "sandbox", WARN, NULL, NULL, NULL, look_sandbox, NULL },
	{ "libvirt qemu", WARN, NULL, NULL, NULL, look_libvirt, "qemu" },
	{ "libvirt lxc", WARN, NULL, NULL, NULL, look_libvirt, "lxc" },
	{ "nfs server", WARN, "machines have no data directories", NULL, NULL, look_nfs, NULL },
	{ "disks", FAULT, NULL, APT("qemu-utils"), NULL, look_program, "qemu-img" },
	{ "machines", WARN, NULL, APT("qemu-system-x86"), NULL, look_program, "qemu-system-x86_64" },
	{ "image builds", FAULT, NULL, APT("mmdebstrap"), NULL, look_program, "mmdebstrap" },
	{ "image builds", FAULT, NULL, APT("e2fsprogs"), NULL, look_program, "mke2fs" },
	{ "keys", FAULT, NULL, APT("openssh-client"), NULL, look_program, "ssh-keygen" },
	{ "lab networks", FAULT, NULL, APT("dnsmasq-base"), NULL, look_program, "dnsmasq" },
	{ "archives", FAULT, NULL, APT("tar"), NULL, look_program, "tar" },
	{ "links", WARN, "labctl cannot check whether nodes reach their data", APT("iproute2"), NULL, look_program, "ip" },
	{ "labctl psql", WARN, NULL, APT("postgresql-client"), NULL, look_program, "psql" },
	{ "installed images", WARN, NULL, APT("e2fsprogs"), NULL, look_program, "debugfs" },
	{ "images that boot by UEFI", WARN, NULL, APT("ovmf"), NULL, look_uefi, NULL },
	{ "installations of Debian", WARN, NULL, NULL, "debian-installer-NN-netboot-amd64, a package of the release to install", look_netboot, NULL },
	{ "kickstart grammar", WARN, NULL, NULL, NULL, look_grammar, NULL },
	{ "apparmor", WARN, "libvirt cannot confine machines, and refuses to start them", "apt-get install apparmor && systemctl reload apparmor", NULL,
	  look_apparmor, NULL },
	{ "containers", WARN, NULL, "sysctl -w fs.inotify.max_user_instances=1024", NULL, look_inotify, NULL },
	{ "open files", WARN, "labctl cannot run many steps at once", NULL, "ulimit -Hn 4096, or LimitNOFILE= and /etc/security/limits.conf", look_files, NULL },
	{ "processes", WARN, "nodes in containers share the host's process numbers", "sysctl -w kernel.pid_max=4194304", NULL, look_processes, NULL },
	{ "memory", WARN, "machines are killed or swapped out", NULL, "stop other programs or labs, or set defaults.memory in the lab file", look_memory, NULL },
	{ "space for images", WARN, NULL, NULL, SPACE_ADVICE, look_space, "cache" },
	{ "space for labs", WARN, NULL, NULL, SPACE_ADVICE, look_space, "state" },
	{ "Debian's packages", WARN, NULL, NULL,
	  "apt-get update; or LABCTL_MIRROR=\"http://HOST/debian http://HOST/debian-security\" (labctl(1), ENVIRONMENT)", look_mirror, NULL },
	{ "default image", WARN, NULL, NULL, "labctl image build", look_image, NULL },
	{ 0 },
};
