/* SPDX-License-Identifier: PostgreSQL */
/* A node's identity, as files and as the tar archive that its image unpacks at boot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "seed.h"
#include "strbuf.h"

#define BLOCK 512u
#define RECORD 10240u          /* tar's own padding; also whole sectors for a disk */
#define MTIME 1000000000u      /* the same bytes for the same node; 0 would be "implausibly old" to tar */

const char *seed_hosts(const struct lab *lab, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	strbuf_str(&out, "127.0.0.1 localhost.localdomain localhost\n::1 localhost ip6-localhost ip6-loopback\n");
	for (unsigned i = 0; i < lab->node_count; i++)
		strbuf_printf(&out, "%s %s %s\n", lab->nodes[i].ip_text, lab->nodes[i].fqdn, lab->nodes[i].hostname);
	return arena_strndup(a, strbuf_text(&out), out.len);
}

static const char *machine_id(const struct node *n, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	for (const char *c = n->uuid; *c; c++)
		if (*c != '-')
			strbuf_char(&out, *c);
	strbuf_char(&out, '\n');
	return arena_strdup(a, strbuf_text(&out));
}

/* Static: labctl chooses the address, and without DHCP a node is up seconds earlier. A container's only link is eth0; its MAC
 * is set again, because the host's systemd-udevd (MACAddressPolicy=persistent, systemd.link(5)) sometimes replaces that of a
 * new veth after libvirt has set it. */
static const char *network_text(const struct lab *lab, const struct node *n, const char *gateway, struct arena *a)
{
	bool container = lab->hypervisor == HYPERVISOR_LXC;
	const char *match = container ? "Name=eth0\n\n[Link]\nMACAddress" : "MACAddress";
	const char *mtu = lab->host_count ? arena_printf(a, "%sMTUBytes=%u\n", container ? "" : "\n[Link]\n", UNDERLAY_MTU - VXLAN_BYTES) : "";

	return arena_printf(a,
			    "[Match]\n%s=%s\n%s\n"
			    "[Network]\nAddress=%s/%u\nGateway=%s\nDNS=%s\nDomains=%s\n"
			    "DHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
			    match, n->mac, mtu, n->ip_text, lab->net.prefix_len, gateway, gateway, lab->net.domain);
}

/* ssh refuses a key file without a newline at its end. */
static const char *line_end(const char *text, struct arena *a)
{
	size_t len = strlen(text);

	return len && text[len - 1] != '\n' ? arena_printf(a, "%s\n", text) : text;
}

const char *seed_id(const struct lab *lab, const struct node *n, struct arena *a)
{
	return arena_printf(a, "%s %s\n", lab->uuid, n->name);
}

const char *seed_forget(const struct lab *lab, struct arena *a)
{
	return arena_printf(a,
			    "grep -qs %s " SEED_ID_FILE " || { cd /etc/systemd/system && "
			    "rm -f $(ls -d *.wants/labctl-* *.wants/nftables.service 2>/dev/null | grep -v labctl-seed); "
			    "sed -i '\\, %s nfs ,d' /etc/fstab; }",
			    lab->uuid, lab->data.mount);
}

const struct payload_file *seed_files(const struct lab *lab, const struct node *n, const struct seed_keys *keys,
				      struct arena *a, unsigned *ret_count)
{
	struct payload_file *files = NULL;
	unsigned count = 0;
	const char *host_key = arena_printf(a, "/etc/ssh/ssh_host_%s_key", lab->release->family->key_type);
	char gateway[16];

	if (lab_uses_cloud_init(lab))
		return seed_cloud(lab, n, keys, a, ret_count);
	ip_format(lab->net.gateway, gateway);
#define SEED(at, bits, content) \
	*arena_push(a, files, count) = (struct payload_file){ .path = at, .mode = bits, .owner = "root:root", .text = content }
	SEED("/etc/hostname", "0644", arena_printf(a, "%s\n", n->hostname));
	SEED("/etc/hosts", "0644", seed_hosts(lab, a));
	SEED("/etc/machine-id", "0444", machine_id(n, a));
	SEED("/etc/systemd/network/10-labctl.network", "0644", network_text(lab, n, gateway, a));
	SEED("/etc/resolv.conf", "0644", arena_printf(a, "search %s\nnameserver %s\n", lab->net.domain, gateway));
	SEED(host_key, "0600", line_end(keys->host_private, a));
	SEED(arena_printf(a, "%s.pub", host_key), "0644", line_end(keys->host_public, a));
	SEED("/root/.ssh/authorized_keys", "0600", line_end(keys->authorized, a));
	SEED(SEED_ID_FILE, "0644", seed_id(lab, n, a));
#undef SEED
	*ret_count = count;
	return files;
}

/* POSIX.1-1988 ustar, IEEE Std 1003.1 "ustar Interchange Format". */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6], version[2];
	char user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static void add_header(const struct payload_file *f, size_t len, struct strbuf *out)
{
	struct header h = { .type = '0', .magic = "ustar", .version = { '0', '0' }, .user = "root", .group = "root" };
	const unsigned char *bytes = (const unsigned char *)&h;
	unsigned sum = 0;

	snprintf(h.name, sizeof h.name, "%s", f->path + (*f->path == '/'));
	snprintf(h.mode, sizeof h.mode, "%07lo", strtoul(f->mode, NULL, 8) & 07777);
	snprintf(h.uid, sizeof h.uid, "%07o", 0u);
	snprintf(h.gid, sizeof h.gid, "%07o", 0u);
	snprintf(h.size, sizeof h.size, "%011o", (unsigned)len & 0x3fffffff);
	snprintf(h.mtime, sizeof h.mtime, "%011o", MTIME);
	memset(h.sum, ' ', sizeof h.sum);
	for (unsigned i = 0; i < sizeof h; i++)
		sum += bytes[i];
	snprintf(h.sum, sizeof h.sum, "%06o", sum); /* six digits, NUL, and the blank that is there */
	strbuf_add(out, &h, sizeof h);
}

static void pad(struct strbuf *out, size_t to)
{
	static const char zeros[BLOCK];

	while (out->len % to)
		strbuf_add(out, zeros, to - out->len % to < BLOCK ? to - out->len % to : BLOCK);
}

const void *seed_tar(const struct payload_file *files, unsigned count, struct arena *a, size_t *ret_len)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	static const char end[2 * BLOCK];

	for (unsigned i = 0; i < count; i++) {
		size_t len = strlen(files[i].text);

		add_header(&files[i], len, &out);
		strbuf_add(&out, files[i].text, len);
		pad(&out, BLOCK);
	}
	strbuf_add(&out, end, sizeof end);
	pad(&out, RECORD);
	*ret_len = out.len;
	return arena_strndup(a, out.text, out.len);
}
