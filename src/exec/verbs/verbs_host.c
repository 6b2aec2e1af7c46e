/* SPDX-License-Identifier: PostgreSQL */
/* Verbs of the host: record, image, network, data directories, exports. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capacity.h"
#include "defaults.h"
#include "file.h"
#include "plan.h"
#include "proc.h"
#include "reach.h"
#include "recipe.h"
#include "scope.h"
#include "state.h"
#include "verb.h"
#include "vxlan.h"

DEFINE_AUTO(DIR *, closedir)

/* The NFS server that the lab file names, else the one that the host has. */
static int choose_server(const struct lab *lab, enum nfs_kind *ret_kind, struct fail *e)
{
	const char *why = "";
	enum nfs_kind kind = nfs_probe(&why);

	if (lab->data.server == NFS_KERNEL && kind != NFS_KIND_KERNEL) {
		fail(e, FAIL_HOST, "data.server is kernel, but %s", why && *why ? why : "this host has no NFS server");
		return fail_next(e, "set data.server: auto in the lab file to use nfs-ganesha if the kernel has no server");
	}
	if (lab->data.server == NFS_GANESHA) {
		if (!proc_found("ganesha.nfsd")) {
			fail(e, FAIL_HOST, "data.server is ganesha, but ganesha.nfsd is not installed");
			return fail_next(e, "apt-get install nfs-ganesha nfs-ganesha-vfs");
		}
		kind = NFS_KIND_GANESHA;
	}
	if (kind == NFS_KIND_NONE) {
		fail(e, FAIL_HOST, "this host cannot serve NFS: %s", why && *why ? why : "no kernel server and no nfs-ganesha");
		return fail_next(e, "%s", nfs_remedy());
	}
	if (kind == NFS_KIND_GANESHA && lab_mounts_nfs3(lab)) {
		fail(e, FAIL_HOST, "nodes of %s mount NFS version 3, which only the kernel's server supports%s%s", lab->release->name,
		     why && *why ? ": " : "", why ? why : "");
		return fail_next(e, "apt-get install nfs-kernel-server; systemctl start nfs-server");
	}
	*ret_kind = kind;
	return 0;
}

int verb_lab_prepare(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	enum nfs_kind kind = NFS_KIND_NONE;
	bool changed = false;

	/* Before any node starts: without an NFS server its boot would be useless. */
	if (lab_transport(lab) == TRANSPORT_NFS && lab_mounts_nfs3(lab) && choose_server(lab, &kind, e) < 0)
		return -1;
	if (state_prepare(runtime_paths(rt), lab, &changed, e) < 0)
		return -1;
	*ret_state = state_of(changed);
	return 0;
}

int verb_lab_record(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	bool changed = false;

	if (state_save(runtime_paths(rt), runtime_lab(rt), &changed, e) < 0)
		return -1;
	/* From here on nodes may have the cluster: settings that its directories and catalogs contain can no longer change. */
	if (!file_exists(runtime_paths(rt)->bootstrapped)) {
		if (file_write(runtime_paths(rt)->bootstrapped, "", 0, 0600, e) < 0)
			return -1;
		changed = true;
	}
	*ret_state = state_of(changed);
	return 0;
}

/* Of all the lab's passwords, or of the one that the request names. Several are several files: a run that follows ends it. */
int verb_lab_passwords(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct cluster *c = &runtime_lab(rt)->cluster;
	const char *only = run_step(r)->db->name;
	auto_(arena_free) struct arena *a = arena_new();
	unsigned renewed = 0;

	for (const char *const *name = c->recipe->secrets; *name; name++)
		if (!only || !strcmp(only, *name)) {
			if (secrets_renew(runtime_secrets(rt), *name, e) < 0)
				return -1;
			renewed++;
		}
	for (unsigned i = 0; i < c->user_count; i++)
		if (!only || !strcmp(only, c->users[i].name)) {
			if (secrets_renew(runtime_secrets(rt), arena_printf(a, DB_USER_SECRET "%s", c->users[i].name), e) < 0)
				return -1;
			renewed++;
		}
	run_note(r, "changed: %u passwords", renewed);
	*ret_state = STEP_DONE;
	return 0;
}

int verb_image_build(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	struct image image;
	bool built = false;

	if (images_find(runtime_images(rt), NULL, true, r, &image, &built, e) < 0) {
		if (!*e->next)
			fail_next(e, "labctl image build %s", runtime_lab(rt)->image);
		return -1;
	}
	if (built)
		run_note(r, "changed: image %s built: %s", image.name, image.dir);
	*ret_state = state_of(built);
	return 0;
}

/* --- network --- */

int network_name(struct run *r, const char *xml, struct arena *a, const char **ret_name, struct fail *e)
{
	const char *subject = run_step(r)->subject, *start, *end;

	if (subject) {
		*ret_name = subject;
		return 0;
	}
	/* plan/xml.c wrote this text: the name has only letters, digits and '-'. */
	start = strstr(xml, "<name>");
	end = start ? strstr(start, "</name>") : NULL;
	if (!end)
		return fail(e, FAIL_OTHER, "the network's XML has no name");
	*ret_name = arena_strndup(a, start + 6, (size_t)(end - start) - 6);
	return 0;
}

const char *vxlan_device(const struct lab *lab, struct arena *a)
{
	return arena_printf(a, VXLAN_PREFIX "%s", lab->net.bridge + strlen(BRIDGE_PREFIX));
}

static const char *subnet_text(const struct lab *lab, struct arena *a)
{
	char subnet[16];

	ip_format(lab->net.subnet, subnet);
	return arena_printf(a, "%s/%u", subnet, lab->net.prefix_len);
}

static int start_network(struct run *r, struct virt *v, const char *name, const char *xml, bool *ret_changed, struct fail *e)
{
	const char *uuid = runtime_lab(runtime_of(r))->uuid;

	if (virt_network_start(v, name, uuid, xml, ret_changed, e) == 0)
		return 0;
	if (e->cause != CAUSE_FILTER || filter_restore_chains(run_deadline_ms(r), e) < 0)
		return -1;
	run_note(r, "changed: libvirt's chains of the packet filter were gone: %s", filter_restore_command());
	return virt_network_start(v, name, uuid, xml, ret_changed, e);
}

/* Has it nodes, also without the one that leaves? */
static bool stays_used(const struct lab *lab, unsigned host, const struct node *gone)
{
	return host_is_used(lab, host) && (!host || !gone || gone->host != host || host_load(lab, host).nodes > 1);
}

/* Joins this host's bridge to those of the other hosts of the lab. */
static int join_hosts(struct run *r, bool *changed, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	auto_(arena_free) struct arena *a = arena_new();
	uint32_t peers[LAB_HOSTS_MAX];
	struct vxlan v = { .device = vxlan_device(lab, a), .bridge = lab->net.bridge, .peers = peers, .underlay_mtu = UNDERLAY_MTU,
			   .mtu = UNDERLAY_MTU - VXLAN_BYTES, .id = (uint32_t)strtoul(lab->net.bridge + strlen(lab->net.bridge) - 6, NULL, 16) };

	if (!lab->host_count)
		return 0;
	v.local = lab->hosts[runtime_host(rt)].underlay;
	for (unsigned h = 0; h < lab->host_count; h++)
		if (h != runtime_host(rt) && stays_used(lab, h, run_step(r)->gone))
			peers[v.peer_count++] = lab->hosts[h].underlay;
	return v.peer_count ? vxlan_make(&v, run_deadline_ms(r), changed, e) : vxlan_remove(v.device, run_deadline_ms(r), changed, e);
}

int verb_net_create(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	auto_(arena_free) struct arena *a = arena_new();
	const char *xml, *name;
	struct virt *v;
	bool changed = false;

	/* libvirt notes the addresses of interfaces there, and makes the directory only for a network with DHCP. */
	if (runtime_host(rt) && file_mkdirs(LIBVIRT_NETWORK_DIR, 0755, e) < 0)
		return -1;
	if (xml_network(lab, runtime_host(rt), runtime_library(rt), a, &xml, e) < 0 || network_name(r, xml, a, &name, e) < 0 ||
	    runtime_virt(rt, &v, e) < 0)
		return -1;
	if (start_network(r, v, name, xml, &changed, e) < 0) {
		if (e->code == FAIL_CONFLICT)
			fail_next(e, "virsh net-info %s; then remove the network, or give the lab another name", name);
		if (!*e->next)
			fail_next(e, "labctl -l %s create (tries again); libvirt's log: journalctl -u libvirtd", lab->name);
		return capacity_explain(e);
	}
	if (!changed && runtime_host(rt) == 0 && if_nametoindex(lab->net.bridge) && !filter_translates(subnet_text(lab, a))) {
		if (filter_restore(name, subnet_text(lab, a), run_deadline_ms(r), e) < 0)
			return -1;
		run_note(r, "changed: libvirt's packet filter rules for %s were gone: %s", subnet_text(lab, a), filter_restore_command());
		changed = true;
	}
	if (join_hosts(r, &changed, e) < 0)
		return -1;
	*ret_state = state_of(changed);
	return 0;
}

/* An address for net.reach, from the end of the subnet: one that nobody has, on each host another one; 0 = there is none. */
static uint32_t free_address(const struct lab *lab, unsigned host)
{
	uint32_t last = lab->net.subnet | ~(UINT32_MAX << (32 - lab->net.prefix_len));

	for (uint32_t ip = last - 1; ip > lab->net.subnet; ip--) {
		bool taken = host_has_address(lab, ip);

		for (unsigned i = 0; i < lab->node_count && !taken; i++)
			taken = lab->nodes[i].ip == ip;
		if (!taken && host-- == 0)
			return ip;
	}
	return 0;
}

static int refuse_filter(const struct lab *lab, enum reach reach, struct arena *a, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf lines = { 0 };
	struct filter *list;
	unsigned count = filter_suspects(lab->net.bridge, subnet_text(lab, a), NFS_PORT, a, &list);

	fail(e, FAIL_HOST, "a packet filter of this host %s what nodes send to its NFS server: bridge %s, TCP port %d; no node was started",
	     reach == REACH_DROPPED ? "drops" : "rejects", lab->net.bridge, NFS_PORT);
	for (unsigned i = 0; i < count; i++)
		strbuf_printf(&lines, "%s: %s\n", list[i].what, list[i].fix);
	fail_evidence(e, strbuf_text(&lines), UINT32_MAX);
	return count ? fail_next(e, "%s; then the same command again (docs/howto/firewall.md)", list[0].fix) :
		       fail_next(e, "nft list ruleset; open that port for the bridge (docs/howto/firewall.md)");
}

int verb_net_reach(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	auto_(arena_free) struct arena *a = arena_new();
	struct reach_from from = { .bridge = lab->net.bridge, .ip = free_address(lab, runtime_host(rt)),
				   .to = host_address(lab, runtime_host(rt)), .prefix_len = lab->net.prefix_len, .port = NFS_PORT };
	struct facts facts = { 0 };
	enum reach reach;

	*ret_state = STEP_UNCHANGED;
	if (runtime_own_facts(rt, a, &facts, e) < 0)
		return -1;
	/* A node that runs shows it better, and its data would be waited for elsewhere. */
	for (unsigned i = 0; i < facts.domain_count; i++)
		if (facts.domains[i].active)
			return 0;
	if (!from.ip)
		return 0;
	if (reach_try(&from, &reach, e) < 0) {
		/* Where it cannot be tried, nodes may still work. */
		run_note(r, "skipped: %s", e->text);
		*e = (struct fail){ 0 };
		return 0;
	}
	return reach == REACH_OPEN ? 0 : refuse_filter(lab, reach, a, e);
}

/* --- data directories --- */

static bool directory_is_empty(const char *path)
{
	auto_(closedir) DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			return false;
	return dir != NULL;
}

void drop_torn_marks(const char *path, const char *marker)
{
	auto_(closedir) DIR *dir = opendir(path);
	struct dirent *entry;
	size_t len = strlen(marker);

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, marker, len) && entry->d_name[len] == '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
}

const char *topmost_missing(const char *path, struct arena *a)
{
	const char *topmost = path;
	char *above = arena_strdup(a, path);

	for (char *slash; (slash = strrchr(above, '/')) && slash != above; topmost = arena_strdup(a, above)) {
		*slash = '\0';
		if (file_exists(above))
			break;
	}
	return topmost;
}

const char *data_root_aside(const char *topmost, const struct lab *lab, struct arena *a)
{
	return arena_printf(a, "%s.labctl-%s", topmost, lab->uuid);
}

/*
 * Makes the directory of the data directories, once for all nodes. A marker in it lists what was made, so that `destroy`
 * removes it. A rename makes it appear together with its marker; until then `destroy` finds it by its temporary name.
 */
static int make_data_root(struct runtime *rt, const char *root, struct arena *a, struct fail *e)
{
	const char *topmost = topmost_missing(root, a), *aside = data_root_aside(topmost, runtime_lab(rt), a), *inside, *text;

	if (file_exists(root))
		return 0;
	inside = arena_printf(a, "%s%s", aside, root + strlen(topmost));
	text = arena_printf(a, "%s %s\n", runtime_lab(rt)->uuid, topmost);
	drop_torn_marks(inside, DATA_ROOT_MARKER);
	/* 0700: nodes may store setuid programs there, which host users must not reach. */
	if (file_mkdirs(inside, 0755, e) < 0 || (chmod(inside, 0700) < 0 && fail_errno(e, FAIL_OTHER, "%s", inside)) ||
	    file_write(arena_printf(a, "%s/" DATA_ROOT_MARKER, inside), text, strlen(text), 0600, e) < 0)
		return -1;
	return rename(aside, topmost) < 0 ? fail_errno(e, FAIL_OTHER, "make directory %s", topmost) : 0;
}

int verb_data_create(struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct node *n = run_step(r)->node;
	const struct lab *lab = runtime_lab(runtime_of(r));
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf old = { 0 };
	const char *marker = arena_printf(a, "%s/" DATA_MARKER, n->export_dir);
	const char *text = arena_printf(a, "%s %s\n", lab->uuid, n->name);
	char *root = arena_strdup(a, n->export_dir);
	struct fail ignored;

	if (strrchr(root, '/') > root) {
		int status;

		*strrchr(root, '/') = '\0';
		runtime_lock(runtime_of(r));
		status = make_data_root(runtime_of(r), root, a, e);
		runtime_unlock(runtime_of(r));
		if (status < 0)
			return -1;
	}
	if (file_read(marker, 4096, &old, &ignored) == 0 && !strcmp(strbuf_text(&old), text)) {
		*ret_state = STEP_UNCHANGED;
		return 0;
	}
	if (mkdir(n->export_dir, 0755) < 0 && errno != EEXIST)
		return fail_errno(e, FAIL_OTHER, "make directory %s", n->export_dir);
	drop_torn_marks(n->export_dir, DATA_MARKER);
	/* A marked directory is removed by `destroy`: never mark one that has somebody's files. */
	if (!directory_is_empty(n->export_dir)) {
		fail(e, FAIL_CONFLICT, "data directory %s of %s is not empty and %s", n->export_dir, n->name,
		     old.len ? "belongs to another lab or node" : "was not made by labctl");
		return fail_next(e, "ls -la %s; then empty the directory, or set another data.export_root in the lab file",
				 n->export_dir);
	}
	if (file_write(marker, text, strlen(text), 0600, e) < 0)
		return -1;
	*ret_state = STEP_DONE;
	return 0;
}

static const char *beside(const struct node *n, const char *prefix, struct arena *a)
{
	const char *slash = strrchr(n->export_dir, '/');

	return arena_printf(a, "%.*s/%s%s", (int)(slash - n->export_dir), n->export_dir, prefix, slash + 1);
}

const char *data_coming(const struct node *n, struct arena *a)
{
	return beside(n, ".labctl-coming-", a);
}

const char *data_going(const struct node *n, struct arena *a)
{
	return beside(n, ".labctl-going-", a);
}

/* --- exports --- */

void nfs_of(struct runtime *rt, struct arena *a, struct nfs_lab *ret_nfs)
{
	const struct lab *lab = runtime_lab(rt);
	char address[16];
	const char **paths = NULL;
	size_t count = 0;

	ip_format(host_address(lab, runtime_host(rt)), address);
	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].host == runtime_host(rt))
			*arena_push(a, paths, count) = lab->nodes[i].export_dir;
	*arena_push(a, paths, count) = NULL;
	*ret_nfs = (struct nfs_lab){
		.lab = lab->name, .state_dir = runtime_paths(rt)->lab, .bind_ip = arena_strdup(a, address),
		.subnet = subnet_text(lab, a), .options = lab->data.options, .paths = paths,
		.conf = library_text(runtime_library(rt), "domains/ganesha.conf"),
		.export_conf = library_text(runtime_library(rt), "domains/ganesha-export.conf"),
	};
}

/* The paths without that of a node that leaves. */
static const char *const *others_of(const char *const *paths, const char *gone, struct arena *a)
{
	const char **others = NULL;
	size_t count = 0;

	for (; *paths; paths++)
		if (strcmp(*paths, gone) != 0)
			*arena_push(a, others, count) = *paths;
	*arena_push(a, others, count) = NULL;
	return others;
}

int verb_nfs_serve(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	auto_(arena_free) struct arena *a = arena_new();
	struct nfs_lab nfs;
	enum nfs_kind kind = NFS_KIND_NONE;
	const struct node *gone = run_step(r)->subject ? lab_find_node(runtime_lab(rt), run_step(r)->subject) : NULL;
	bool changed = false;

	nfs_of(rt, a, &nfs);
	if (gone)
		nfs.paths = others_of(nfs.paths, gone->export_dir, a);
	if (!nfs.conf || !nfs.export_conf)
		return fail(e, FAIL_OTHER, "labctl's data files lack domains/ganesha.conf or domains/ganesha-export.conf");
	if (choose_server(runtime_lab(rt), &kind, e) < 0)
		return -1;
	run_say(r, "%s", kind == NFS_KIND_KERNEL ? "kernel server" : "nfs-ganesha");
	if (nfs_serve(&nfs, kind, run_deadline_ms(r), &changed, e) < 0) {
		if (!*e->next)
			fail_next(e, "labctl -l %s create (tries again)", runtime_lab(rt)->name);
		return -1;
	}
	*ret_state = state_of(changed);
	return 0;
}
