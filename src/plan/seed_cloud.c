/* SPDX-License-Identifier: PostgreSQL */
/*
 * A node's identity for cloud-init (NoCloud), written as JSON: valid YAML in which no value can break out of its quotes.
 * Uses only modules and keys that cloud-init has had since version 18, and switches off what else it would do (upgrades, a
 * password, a user). labctl logs in as root, which vendors often forbid: `disable_root` and, before sshd starts, the
 * image's sshd_config are changed to allow it.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "seed.h"

static const char *dump(json_t *json, const char *head, struct arena *a)
{
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	const char *copy;

	if (!text)
		abort();
	copy = arena_printf(a, "%s%s\n", head, text);
	explicit_bzero(text, strlen(text)); /* it contains the host key */
	free(text);
	json_decref(json);
	return copy;
}

static json_t *meta_data(const struct node *n)
{
	/* Constant for the life of the node: a new instance-id would make cloud-init configure it again. */
	return json_pack("{s:s, s:s}", "instance-id", n->uuid, "local-hostname", n->hostname);
}

static const char *without_end(const char *line, struct arena *a)
{
	return arena_strndup(a, line, strcspn(line, "\n"));
}

static json_t *file(const char *path, const char *text)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "path", path, "content", text, "permissions", "0644", "owner", "root:root");
}

/* Changes a vendor's "no" to "by key", in the old spelling that every sshd knows. Leaves any other value. */
#define LET_ROOT_IN "sed -Ei 's/^[ \\t]*PermitRootLogin[ \\t]+(no|forced-commands-only)/PermitRootLogin without-password/I' " \
		    "/etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf 2>/dev/null || :"

static json_t *user_data(const struct lab *lab, const struct node *n, const struct seed_keys *keys, struct arena *a)
{
	const char *key_type = lab->release->family->key_type;

	return json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:[{s:s, s:b, s:[s]}], s:[[s, s, s]], s:{s:s, s:s}, s:b, s:b, s:[o, o]}",
			 "hostname", n->hostname,
			 "fqdn", n->fqdn,
			 "preserve_hostname", 0,
			 "manage_etc_hosts", 0,
			 "disable_root", 0,
			 "ssh_pwauth", 0,
			 /* root only, not the image's default user */
			 "users", "name", "root", "lock_passwd", 0, "ssh_authorized_keys", without_end(keys->authorized, a),
			 "bootcmd", "sh", "-c", LET_ROOT_IN,
			 "ssh_keys", arena_printf(a, "%s_private", key_type), keys->host_private,
				     arena_printf(a, "%s_public", key_type), without_end(keys->host_public, a),
			 "package_update", 0,
			 "package_upgrade", 0,
			 "write_files", file("/etc/hosts", seed_hosts(lab, a)), file(SEED_ID_FILE, seed_id(lab, n, a)));
}

static json_t *network_config(const struct lab *lab, const struct node *n, struct arena *a)
{
	char gateway[16];
	json_t *config, *link;

	ip_format(lab->net.gateway, gateway);
	/* set-name: some renderers also match by name. "0.0.0.0/0": some do not know "default". */
	config = json_pack("{s:i, s:{s:{s:{s:s}, s:s, s:b, s:b, s:[s], s:[{s:s, s:s}], s:{s:[s], s:[s]}}}}", "version", 2,
			 "ethernets", "eth0",
			 "match", "macaddress", n->mac,
			 "set-name", "eth0",
			 "dhcp4", 0,
			 "dhcp6", 0,
			 "addresses", arena_printf(a, "%s/%u", n->ip_text, lab->net.prefix_len),
			 "routes", "to", "0.0.0.0/0", "via", gateway,
			 "nameservers", "search", lab->net.domain, "addresses", gateway);
	link = json_object_get(json_object_get(config, "ethernets"), "eth0");
	if (lab->host_count)
		json_object_set_new(link, "mtu", json_integer(UNDERLAY_MTU - VXLAN_BYTES));
	return config;
}

const struct payload_file *seed_cloud(const struct lab *lab, const struct node *n, const struct seed_keys *keys,
				      struct arena *a, unsigned *ret_count)
{
	struct payload_file *files = NULL;
	unsigned count = 0;

#define SEED(name, body) *arena_push(a, files, count) = (struct payload_file){ .path = name, .mode = "0600", .text = body }
	SEED("/meta-data", dump(meta_data(n), "", a));
	SEED("/user-data", dump(user_data(lab, n, keys, a), "#cloud-config\n", a));
	SEED("/network-config", dump(network_config(lab, n, a), "", a));
#undef SEED
	*ret_count = count;
	return files;
}
