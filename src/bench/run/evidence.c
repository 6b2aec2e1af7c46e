/* SPDX-License-Identifier: PostgreSQL */
#include "evidence.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "file.h"
#include "quote.h"
#include "sessions.h"
#include "virt.h"

#define NODE_MS 30000
#define NODES_PERCENT 75 /* of the host: a quarter is left for a client that runs there */

__attribute__((format(printf, 3, 4))) static void put(json_t *section, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	json_object_set_new(section, key, json_string(text));
}

/* The first line of a file of /proc or /sys. */
static void put_file(json_t *section, const char *key, const char *path)
{
	char line[256] = "";
	FILE *f = fopen(path, "r");

	if (!f)
		return;
	if (fgets(line, sizeof line, f))
		put(section, key, "%.*s", (int)strcspn(line, "\n"), line);
	fclose(f);
}

/* The value of the first line "NAME : value" of a file. */
static void put_field(json_t *section, const char *key, const char *path, const char *name)
{
	char line[512];
	size_t len = strlen(name);
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof line, f)) {
		const char *value = line + strcspn(line, ":");

		if (strncmp(line, name, len) != 0 || *value != ':')
			continue;
		value += strspn(value, ": \t");
		put(section, key, "%.*s", (int)strcspn(value, "\n"), value);
		break;
	}
	if (f)
		fclose(f);
}

static const struct { const char *key, *path; } host_files[] = {
	{ "load average before", "/proc/loadavg" },
	{ "transparent hugepages", "/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "cpu governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor" },
	{ "smt", "/sys/devices/system/cpu/smt/control" },
	{ "sysctl vm.swappiness", "/proc/sys/vm/swappiness" },
	{ "sysctl vm.overcommit_memory", "/proc/sys/vm/overcommit_memory" },
	{ "sysctl vm.dirty_ratio", "/proc/sys/vm/dirty_ratio" },
	{ "sysctl vm.dirty_background_ratio", "/proc/sys/vm/dirty_background_ratio" },
};

static void collect_host(struct runtime *rt, const char *labctl_version, json_t *host)
{
	char digest[DIGEST_HEX], version[32];
	struct utsname name;
	struct fail ignored;
	struct virt *v;

	put_field(host, "cpu", "/proc/cpuinfo", "model name");
	put(host, "cores", "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	put_field(host, "memory", "/proc/meminfo", "MemTotal");
	put_field(host, "system", "/etc/os-release", "PRETTY_NAME");
	if (uname(&name) == 0)
		put(host, "kernel", "%s %s", name.release, name.machine);
	for (size_t i = 0; i < ARRAY_COUNT(host_files); i++)
		put_file(host, host_files[i].key, host_files[i].path);
	if (runtime_virt(rt, &v, &ignored) == 0 && virt_version(v, version, &ignored) == 0)
		put(host, "libvirt", "%s", version);
	if (runtime_lab(rt)->hypervisor != HYPERVISOR_LXC && runtime_virt(rt, &v, &ignored) == 0 &&
	    virt_hypervisor_version(v, version, &ignored) == 0)
		put(host, "QEMU", "%s", version);
	put(host, "labctl", "%s", labctl_version);
	if (digest_file("/proc/self/exe", digest, &ignored) == 0)
		put(host, "labctl sha256", "%s", digest);
}

static void collect_lab(const struct lab *lab, json_t *section)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	unsigned cpus = 0, here = 0;
	uint64_t mib = 0;

	for (unsigned i = 0; i < lab->node_count; i++) {
		cpus += lab->nodes[i].cpus;
		here += lab->nodes[i].host ? 0 : lab->nodes[i].cpus;
		mib += lab->nodes[i].memory_mib;
	}
	put(section, "hypervisor", "%s", hypervisor_names[lab->hypervisor]);
	put(section, "image", "%s", lab->image);
	put(section, "nodes", "%u", lab->node_count);
	put(section, "cpus of all nodes", "%u", cpus);
	put(section, "memory of all nodes", "%llu MiB", (unsigned long long)mib);
	put(section, "cores promised per core of the host", "%.2f", (double)here / (double)sysconf(_SC_NPROCESSORS_ONLN));
	put(section, "data", "%s", transport_names[lab->data.transport]);
	put(section, "tuning", "%s", lab->tuning.profile);
	lab_print(lab, &text);
	json_object_set_new(section, "lab file", json_string(strbuf_text(&text)));
}

/* "key value" lines of the script below. */
static void node_line(void *ctx, const char *line)
{
	const char *tab = strchr(line, '\t');
	char key[64];

	if (!tab || (size_t)(tab - line) >= sizeof key)
		return;
	snprintf(key, sizeof key, "%.*s", (int)(tab - line), line);
	put(ctx, key, "%s", tab + 1);
}

static const char node_script[] =
	"t() { printf '%s\\t%s\\n' \"$1\" \"$2\"; }\n"
	"t kernel \"$(uname -r) $(uname -m)\"\n"
	"t cores \"$(nproc)\"\n"
	"t memory \"$(sed -n 's/^MemTotal: *//p' /proc/meminfo)\"\n"
	"t system \"$(. /etc/os-release; echo \"$PRETTY_NAME\")\"\n"
	"t 'data file system' \"$(findmnt -n -o FSTYPE,OPTIONS -T \"$data\" | head -n 1)\"\n"
	"for k in vm.swappiness vm.overcommit_memory vm.dirty_ratio vm.dirty_background_ratio kernel.sem kernel.shmmax net.core.somaxconn; do\n"
	"	v=$(sysctl -n $k 2>/dev/null) && t \"sysctl $k\" \"$v\"\ndone\ntrue\n";

static int collect_node(struct runtime *rt, const struct node *n, json_t *section, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf script = { 0 };
	int64_t deadline = clock_after_ms(NODE_MS);
	struct ssh *ssh;
	int status, r;

	strbuf_str(&script, "data=");
	quote_add(&script, QUOTE_SH, runtime_lab(rt)->data.mount);
	strbuf_printf(&script, "\n%s", node_script);
	put(section, "cpus", "%u", n->cpus);
	put(section, "memory limit", "%llu MiB", (unsigned long long)n->memory_mib);
	if (session_get(runtime_sessions(rt), n, deadline, &ssh, e) < 0)
		return -1;
	r = ssh_run(ssh, &(struct ssh_run) { .command = strbuf_text(&script), .line = node_line, .line_ctx = section, .deadline_ms = deadline },
		    &status, e);
	session_done(runtime_sessions(rt), n, r < 0);
	return r;
}

int evidence_collect(struct runtime *rt, const char *labctl_version, json_t *evidence, struct fail *e)
{
	const struct lab *lab = runtime_lab(rt);
	json_t *host = json_object(), *section = json_object();

	json_object_set_new(evidence, "host", host);
	json_object_set_new(evidence, "lab", section);
	collect_host(rt, labctl_version, host);
	collect_lab(lab, section);
	for (unsigned i = 0; i < lab->node_count; i++) {
		json_object_set_new(evidence, lab->nodes[i].name, section = json_object());
		if (collect_node(rt, &lab->nodes[i], section, e) < 0)
			return -1;
	}
	return 0;
}

bool evidence_shared_host(const struct lab *lab, bool client_on_host)
{
	unsigned percent = 0, host = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) * (client_on_host ? NODES_PERCENT : 100);

	for (unsigned i = 0; i < lab->node_count; i++) {
		unsigned cores = lab->nodes[i].cpus * 100;

		if (lab->nodes[i].host)
			continue; /* whose cores nobody here knows; its `cpus` in the lab file keeps within them */
		percent += lab->cpu_quota && lab->cpu_quota < cores ? lab->cpu_quota : cores;
	}
	return percent > host;
}
