/* SPDX-License-Identifier: PostgreSQL */
/*
 * Templates of domains/ as trees: @{} is expanded inside text and attribute nodes only,
 * so no value can become markup, and libxml2 does the escaping when it writes the tree out.
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "plan_build.h"
#include "scope.h"
#include "seed.h"
#include "template.h"
#include "xml.h"

#define PARSE_FLAGS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS)

DEFINE_AUTO(xmlDocPtr, xmlFreeDoc)
DEFINE_AUTO(xmlBufferPtr, xmlBufferFree)

struct xml_name { const char *name, *value; };
struct xml_names { const struct xml_name *rows; size_t count; };

static void init_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, xmlInitParser);
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static const char *value(void *ctx, const char *name)
{
	const struct xml_names *names = ctx;

	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->rows[i].name, name))
			return names->rows[i].value ? names->rows[i].value : "";
	return NULL;
}

static bool no_lists(void *ctx, const char *name, size_t index, bool *known)
{
	(void)ctx, (void)name, (void)index;
	return *known = false;
}

/* --- expanding a tree --- */

static int expand_text(const char *file, xmlNodePtr text, const struct xml_names *names, struct fail *e)
{
	const struct template_scope scope = { .value = value, .each = no_lists, .ctx = (void *)names };
	auto_(strbuf_clear) struct strbuf out = { 0 };

	if (!text->content || !strstr((const char *)text->content, "@{"))
		return 0;
	/* Errors count lines within this text, not within the file; the text is short. */
	if (template_expand(file, (const char *)text->content, QUOTE_RAW, &scope, &out, e) < 0)
		return -1;
	xmlNodeSetContent(text, BAD_CAST strbuf_text(&out));
	return 0;
}

static int expand_node(const char *file, xmlNodePtr node, const struct xml_names *names, struct fail *e)
{
	for (; node; node = node->next) {
		if (node->type == XML_TEXT_NODE && expand_text(file, node, names, e) < 0)
			return -1;
		if (node->type != XML_ELEMENT_NODE)
			continue;
		for (xmlAttrPtr attr = node->properties; attr; attr = attr->next)
			for (xmlNodePtr text = attr->children; text; text = text->next)
				if (text->type == XML_TEXT_NODE && expand_text(file, text, names, e) < 0)
					return -1;
		if (expand_node(file, node->children, names, e) < 0)
			return -1;
	}
	return 0;
}

static int load(const struct library *lib, const char *file, const struct xml_names *names, xmlDocPtr *ret_doc,
		struct fail *e)
{
	const char *text = library_text(lib, file);
	auto_(xmlFreeDoc) xmlDocPtr doc = NULL;

	init_once();
	if (!text)
		return fail(e, FAIL_OTHER, "labctl's data files lack %s (%s)", file, library_dir(lib));
	doc = xmlReadMemory(text, (int)strlen(text), file, NULL, PARSE_FLAGS);
	if (!doc || !xmlDocGetRootElement(doc))
		return fail(e, FAIL_OTHER, "%s is not well-formed XML", file);
	if (expand_node(file, xmlDocGetRootElement(doc), names, e) < 0)
		return -1;
	*ret_doc = steal(doc);
	return 0;
}

static const char *print(xmlDocPtr doc, struct arena *a)
{
	auto_(xmlBufferFree) xmlBufferPtr buffer = must(xmlBufferCreate());

	if (xmlNodeDump(buffer, doc, xmlDocGetRootElement(doc), 0, 1) < 0)
		abort();
	return arena_printf(a, "%s\n", (const char *)xmlBufferContent(buffer));
}

/* --- editing a tree --- */

static xmlNodePtr find(xmlNodePtr node, const char *name)
{
	for (; node; node = node->next) {
		xmlNodePtr found;

		if (node->type != XML_ELEMENT_NODE)
			continue;
		if (!strcmp((const char *)node->name, name))
			return node;
		found = find(node->children, name);
		if (found)
			return found;
	}
	return NULL;
}

static void set(xmlNodePtr node, const char *name, const char *attribute)
{
	must(xmlNewProp(node, BAD_CAST name, BAD_CAST attribute));
}

static xmlNodePtr add(xmlNodePtr parent, const char *name)
{
	return must(xmlNewChild(parent, NULL, BAD_CAST name, NULL));
}

/* --- domains --- */

static const char *roles_of(const struct lab *lab, const struct node *n, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf roles = { 0 };

	for (unsigned i = 0; i < lab->cluster.place_count; i++)
		if (node_has_role(n, (int)i))
			strbuf_printf(&roles, "%s%s", roles.len ? " " : "", lab->cluster.places[i].role);
	return arena_strdup(a, strbuf_text(&roles));
}

static const char *without_dashes(const char *uuid, struct arena *a)
{
	char *text = arena_strdup(a, uuid), *to = text;

	for (const char *from = uuid; *from; from++)
		if (*from != '-')
			*to++ = *from;
	*to = '\0';
	return text;
}

/*
 * Name of the host's end of the node's interface: the bridge's name, a dash and a number, which comes from the node's address,
 * since positions change when a node is removed. No dash and four hexadecimal digits for large ones, since the kernel
 * allows 15 characters. With a name of libvirt's choice, a left-over interface could not be attributed.
 */
static const char *link_name(const struct lab *lab, const struct node *n, struct arena *a)
{
	unsigned number = (n->ip - lab->net.subnet - lab->net.first_host + 1) & 0xffff;

	return arena_printf(a, number < 1000 ? "%s-%u" : "%s%04x", lab->net.bridge, number);
}

static void drop(xmlNodePtr parent, const char *name)
{
	xmlNodePtr child = find(parent->children, name);

	xmlUnlinkNode(child);
	xmlFreeNode(child);
}

/*
 * A disk with its own boot loader: no kernel from labctl; the firmware boots the disk and prints to the console, where its
 * messages tell what is wrong with the disk; the processor model is new enough for today's systems.
 */
static void boot_disk(const struct lab *lab, xmlNodePtr root)
{
	static const char *const handed[] = { "kernel", "initrd", "cmdline" };
	xmlNodePtr os = find(root->children, "os"), cpu = find(root->children, "cpu"), feature;

	for (size_t i = 0; i < ARRAY_COUNT(handed); i++)
		drop(os, handed[i]);
	set(add(os, "boot"), "dev", "hd");
	if (lab->disk_image.boot == BOOT_UEFI) {
		set(os, "firmware", "efi");
		feature = add(add(os, "firmware"), "feature");
		set(feature, "name", "secure-boot");
		set(feature, "enabled", "no");
	} else {
		set(add(os, "bios"), "useserial", "yes");
	}
	if (lab->hypervisor == HYPERVISOR_KVM)
		return;
	while (cpu->children) {
		xmlNodePtr child = cpu->children;

		xmlUnlinkNode(child);
		xmlFreeNode(child);
	}
	must(xmlSetProp(cpu, BAD_CAST "mode", BAD_CAST "maximum"));
	xmlUnsetProp(cpu, BAD_CAST "match");
}

/* What follows "--" are the arguments of init: a shell, which becomes the real one. The initrd hands them on. */
static void forget(const struct lab *lab, xmlNodePtr root, struct arena *a)
{
	xmlNodePtr cmdline = must(find(root->children, "cmdline"));

	xmlNodeAddContent(cmdline, BAD_CAST arena_printf(a, " init=/bin/sh -- -c \"%s; exec /sbin/init\"", seed_forget(lab, a)));
}

/* For the whole node: libvirt's "quota" of a machine is one per virtual processor, that of a container for all. */
static void limit_cpu(const struct lab *lab, enum hypervisor h, xmlNodePtr root, struct arena *a)
{
	const char *prefix = h == HYPERVISOR_LXC ? "" : "global_";
	xmlNodePtr tune = add(root, "cputune");

	xmlNodeAddContent(add(tune, arena_printf(a, "%speriod", prefix)), BAD_CAST "100000");
	xmlNodeAddContent(add(tune, arena_printf(a, "%squota", prefix)), BAD_CAST arena_printf(a, "%u", lab->cpu_quota * 1000));
}

int xml_domain(const struct lab *lab, const struct node *n, const struct node_paths *paths, const struct library *lib,
	       struct arena *a, const char **ret_xml, struct fail *e)
{
	const struct xml_name rows[] = {
		{ "lab", lab->name },
		{ "lab_uuid", lab->uuid },
		{ "lab_state", lab->state_dir },
		{ "node", n->name },
		{ "role", roles_of(lab, n, a) },
		{ "domain", n->domain },
		{ "uuid", n->uuid },
		{ "machine_id", without_dashes(n->uuid, a) },
		{ "memory_kib", arena_printf(a, "%llu", (unsigned long long)n->memory_mib * 1024) },
		{ "cpus", arena_printf(a, "%u", n->cpus) },
		{ "mac", n->mac },
		{ "link", link_name(lab, n, a) },
		{ "network", arena_printf(a, NETWORK_PREFIX "%s", lab->name) },
		{ "data_dir", n->export_dir },
		{ "mount", lab->data.mount },
		{ "disk", paths->disk },
		{ "base", paths->base },
		{ "seed", paths->seed },
		{ "root", paths->root },
		{ "console_log", paths->console },
		{ "kernel", paths->kernel },
		{ "initrd", paths->initrd },
	};
	const struct xml_names names = { rows, ARRAY_COUNT(rows) };
	enum hypervisor h = lab->hypervisor == HYPERVISOR_AUTO ? HYPERVISOR_QEMU : lab->hypervisor;
	auto_(xmlFreeDoc) xmlDocPtr doc = NULL;

	if (load(lib, arena_printf(a, "domains/%s.xml", hypervisor_names[h]), &names, &doc, e) < 0)
		return -1;
	if (lab_boots_disk(lab))
		boot_disk(lab, xmlDocGetRootElement(doc));
	else if (paths->copied)
		forget(lab, xmlDocGetRootElement(doc), a);
	if (lab->cpu_quota)
		limit_cpu(lab, h, xmlDocGetRootElement(doc), a);
	*ret_xml = print(doc, a);
	return 0;
}

int xml_guest(const struct xml_guest *g, const struct library *lib, struct arena *a, const char **ret_xml, struct fail *e)
{
	char uuid[37];
	const struct xml_name rows[] = {
		{ "name", g->name }, { "type", g->type }, { "disk", g->disk }, { "kernel", g->kernel }, { "initrd", g->initrd },
		{ "console_log", g->console },
		{ "uuid", uuid }, /* always the same, so that the next guest removes what a killed labctl left of this one */
		{ "cpu", strcmp(g->type, "kvm") ? "maximum" : "host-passthrough" },
	};
	const struct xml_names names = { rows, ARRAY_COUNT(rows) };
	auto_(xmlFreeDoc) xmlDocPtr doc = NULL;
	xmlNodePtr label;

	digest_uuid("labctl/guest", uuid);
	if (load(lib, "domains/guest.xml", &names, &doc, e) < 0)
		return -1;
	if (g->label) {
		/* It runs as the others do, but its files, which are the image's own, stay root's. */
		label = add(xmlDocGetRootElement(doc), "seclabel");
		set(label, "type", "static");
		set(label, "model", "dac");
		set(label, "relabel", "no");
		xmlNodeAddContent(add(label, "label"), BAD_CAST g->label);
	}
	*ret_xml = print(doc, a);
	return 0;
}

/* --- networks --- */

/* Every address and name is fixed before the network starts, so that no node gets another's. */
static void add_hosts(const struct lab *lab, xmlNodePtr dhcp, xmlNodePtr dns)
{
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		xmlNodePtr host;

		if (!n->ip)
			continue;
		if (dhcp) {
			host = add(dhcp, "host");
			set(host, "mac", n->mac);
			set(host, "name", n->hostname);
			set(host, "ip", n->ip_text);
		}
		if (dns) {
			host = add(dns, "host");
			set(host, "ip", n->ip_text);
			xmlNodeAddContent(add(host, "hostname"), BAD_CAST n->fqdn);
			xmlNodeAddContent(add(host, "hostname"), BAD_CAST n->hostname);
		}
	}
}

/*
 * The network of another host than the first: gateway, DHCP and names are on the first, so that only one answers. For machines the bridge has
 * an address, at which that host serves their data, and to which libvirt lets nobody else through; for containers it is a bridge only.
 */
static void leave_bridge(const struct lab *lab, xmlNodePtr root)
{
	static const char *const first[] = { "forward", "domain", "dns", "mac", "ip" };
	bool serves = lab_transport(lab) == TRANSPORT_NFS;

	for (size_t i = 0; i < ARRAY_COUNT(first) - (serves ? 2 : 0); i++)
		drop(root, first[i]);
	if (!serves)
		return;
	drop(find(root->children, "ip"), "dhcp");
	set(add(root, "dns"), "enable", "no");
}

int xml_network(const struct lab *lab, unsigned host, const struct library *lib, struct arena *a, const char **ret_xml, struct fail *e)
{
	char uuid[37], gateway[16], netmask[16];
	uint32_t ip = host_address(lab, host);
	const struct xml_name rows[] = {
		{ "lab", lab->name },
		{ "lab_uuid", lab->uuid },
		{ "lab_state", lab->state_dir },
		{ "network", arena_printf(a, NETWORK_PREFIX "%s", lab->name) },
		{ "network_uuid", uuid },
		{ "bridge", lab->net.bridge },
		{ "domain", lab->net.domain },
		{ "gateway", gateway },
		/* Derived as for the nodes; libvirt would choose another one each time. */
		{ "gateway_mac", arena_printf(a, "52:54:%02x:%02x:%02x:%02x", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255) },
		{ "prefix", arena_printf(a, "%u", lab->net.prefix_len) },
		{ "netmask", netmask },
	};
	const struct xml_names names = { rows, ARRAY_COUNT(rows) };
	auto_(xmlFreeDoc) xmlDocPtr doc = NULL;
	xmlNodePtr root;

	digest_uuid(arena_printf(a, "labctl/net/%s", lab->name), uuid);
	ip_format(ip, gateway);
	ip_format(lab->net.prefix_len ? UINT32_MAX << (32 - lab->net.prefix_len) : 0, netmask);
	if (load(lib, "domains/network.xml", &names, &doc, e) < 0)
		return -1;
	root = xmlDocGetRootElement(doc);
	if (lab->host_count)
		set(add(root, "mtu"), "size", arena_printf(a, "%u", UNDERLAY_MTU - VXLAN_BYTES));
	if (host)
		leave_bridge(lab, root);
	else
		add_hosts(lab, find(root, "dhcp"), find(root, "dns"));
	*ret_xml = print(doc, a);
	return 0;
}
