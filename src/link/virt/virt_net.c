/* SPDX-License-Identifier: PostgreSQL */
/*
 * Networks of libvirt, and facts about labs. libvirt keeps a network's <metadata> since 2.1, but has
 * functions for it only since 9.7: here it is read from the XML.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "virt_call.h"

/* Looks a network up and checks that it is ours. VIRT_GONE leaves *ret_network alone. */
static int find_network(virConnectPtr c, const struct virt_object *o, virNetworkPtr *ret_network, struct fail *e)
{
	auto_(virNetworkFree) virNetworkPtr network = virNetworkLookupByName(c, o->name);
	auto_(free) char *xml = network ? virNetworkGetXMLDesc(network, 0) : NULL;
	int owner;

	if (!xml)
		return virt_error() == VIR_ERR_NO_NETWORK ? VIRT_GONE : fail_virt(e, "network '%s'", o->name);
	owner = virt_owner("network", o, xml, e);
	if (owner == VIRT_OURS)
		*ret_network = steal(network);
	return owner;
}

xmlNodePtr virt_child(xmlNodePtr node, const char *name)
{
	for (node = node ? node->children : NULL; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0)
			return node;
	return NULL;
}

/*
 * If a network was stopped while machines were running, their bridge is gone, and libvirt does not connect them to the
 * new one: they would be unreachable until their next start. Best effort: other steps report unreachable nodes.
 */
static void reconnect(virConnectPtr c, const struct virt_object *o, const char *bridge)
{
	auto_(arena_free) struct arena *a = arena_new();
	virDomainPtr *list = NULL;
	int count = virConnectListAllDomains(c, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	for (int i = 0; i < count; i++) {
		auto_(free) char *xml = virDomainGetXMLDesc(list[i], 0);
		auto_(xmlFreeDoc) xmlDocPtr doc = xml ? virt_xml(xml) : NULL;
		struct virt_tag tag = { 0 };
		xmlNodePtr devices;

		virDomainFree(list[i]);
		if (!doc)
			continue;
		virt_tag(doc, a, &tag);
		devices = tag.lab_uuid && !strcmp(tag.lab_uuid, o->lab_uuid) ? virt_child(xmlDocGetRootElement(doc), "devices") : NULL;
		for (xmlNodePtr n = devices ? devices->children : NULL; n; n = n->next) {
			xmlNodePtr source = virt_child(n, "source"), target = virt_child(n, "target");
			const char *network = source ? virt_attribute(source, "network", a) : NULL;
			const char *port = target ? virt_attribute(target, "dev", a) : NULL;

			if (!strcmp((const char *)n->name, "interface") && network && port && !strcmp(network, o->name))
				virt_port_add(bridge, port);
		}
	}
	if (count >= 0)
		free(list);
}

/* --- names and addresses of a network that runs --- */

struct hosts { struct arena *a; const char **items; unsigned count; };

/* The <host> entries of @parent, which may be NULL, as libvirt takes them. */
static void list_hosts(xmlNodePtr parent, struct hosts *ret)
{
	static const char *const attributes[] = { "mac", "name", "ip" };

	for (xmlNodePtr host = parent ? parent->children : NULL; host; host = host->next) {
		const char *text = "<host";

		if (host->type != XML_ELEMENT_NODE || strcmp((const char *)host->name, "host") != 0)
			continue;
		for (unsigned i = 0; i < ARRAY_COUNT(attributes); i++) {
			const char *value = virt_attribute(host, attributes[i], ret->a);

			if (value) /* names and addresses: nothing to escape */
				text = arena_printf(ret->a, "%s %s='%s'", text, attributes[i], value);
		}
		text = arena_printf(ret->a, "%s>", text);
		for (xmlNodePtr name = host->children; name; name = name->next) {
			auto_(free) char *content = name->type == XML_ELEMENT_NODE ? (char *)xmlNodeGetContent(name) : NULL;

			if (content)
				text = arena_printf(ret->a, "%s<hostname>%s</hostname>", text, content);
		}
		*arena_push(ret->a, ret->items, ret->count) = arena_printf(ret->a, "%s</host>", text);
	}
}

static bool has_host(const struct hosts *h, const char *text)
{
	for (unsigned i = 0; i < h->count; i++)
		if (!strcmp(h->items[i], text))
			return true;
	return false;
}

static int change_hosts(virNetworkPtr network, unsigned what, unsigned section,
			const struct hosts *those, const struct hosts *unless, struct virt_object *o, struct fail *e)
{
	unsigned flags = VIR_NETWORK_UPDATE_AFFECT_LIVE | VIR_NETWORK_UPDATE_AFFECT_CONFIG;

	for (unsigned i = 0; i < those->count; i++) {
		if (has_host(unless, those->items[i]))
			continue;
		if (virNetworkUpdate(network, what, section, -1, those->items[i], flags) < 0)
			return fail_virt(e, "network '%s': %s", o->name, those->items[i]);
		o->changed = true;
	}
	return 0;
}

/* The network was started with the nodes that the lab had then. */
static int update_hosts(virNetworkPtr network, struct virt_object *o, struct fail *e)
{
	static const struct { unsigned id; const char *above, *name; } sections[] = {
		{ VIR_NETWORK_SECTION_IP_DHCP_HOST, "ip", "dhcp" },
		{ VIR_NETWORK_SECTION_DNS_HOST, NULL, "dns" },
	};
	auto_(arena_free) struct arena *a = arena_new();
	auto_(free) char *xml = virNetworkGetXMLDesc(network, 0);
	auto_(xmlFreeDoc) xmlDocPtr has = xml ? virt_xml(xml) : NULL;
	auto_(xmlFreeDoc) xmlDocPtr wanted = virt_xml(o->xml);

	for (unsigned i = 0; has && wanted && i < ARRAY_COUNT(sections); i++) {
		xmlNodePtr from = xmlDocGetRootElement(has), to = xmlDocGetRootElement(wanted);
		struct hosts old = { .a = a }, new = { .a = a };

		if (sections[i].above) {
			from = virt_child(from, sections[i].above);
			to = virt_child(to, sections[i].above);
		}
		list_hosts(from ? virt_child(from, sections[i].name) : NULL, &old);
		list_hosts(to ? virt_child(to, sections[i].name) : NULL, &new);
		if (change_hosts(network, VIR_NETWORK_UPDATE_COMMAND_DELETE, sections[i].id, &old, &new, o, e) < 0 ||
		    change_hosts(network, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, sections[i].id, &new, &old, o, e) < 0)
			return -1;
	}
	return 0;
}

static int network_start(virConnectPtr c, void *arg, struct fail *e)
{
	struct virt_object *o = arg;
	auto_(virNetworkFree) virNetworkPtr found = NULL;
	auto_(virNetworkFree) virNetworkPtr defined = NULL;
	auto_(free) char *bridge = NULL;
	int owner = find_network(c, o, &found, e);

	if (owner < 0)
		return -1;
	if (owner == VIRT_OURS && virNetworkIsActive(found) == 1)
		return update_hosts(found, o, e);
	defined = virNetworkDefineXML(c, o->xml);
	if (!defined)
		return fail_virt(e, "network '%s': define", o->name);
	o->changed = true;
	if (virNetworkCreate(defined) < 0 && virt_error() != VIR_ERR_OPERATION_INVALID) {
		/* libvirt has no code for it */
		bool filter = strstr(virGetLastErrorMessage(), "Failed to apply firewall");

		fail_virt(e, "network '%s': start", o->name);
		return filter ? fail_cause(e, CAUSE_FILTER) : -1;
	}
	if (virNetworkIsActive(defined) != 1)
		return fail(e, FAIL_VIRT, "network '%s': stopped right after its start", o->name);
	bridge = virNetworkGetBridgeName(defined);
	if (bridge)
		reconnect(c, o, bridge);
	return 0;
}

int virt_network_start(struct virt *v, const char *name, const char *lab_uuid, const char *xml, bool *ret_changed,
		       struct fail *e)
{
	struct virt_object o = { .name = name, .lab_uuid = lab_uuid, .xml = xml };

	if (virt_call(v, "network start", name, network_start, &o, e))
		return -1;
	*ret_changed = o.changed;
	return 0;
}

static int network_remove(virConnectPtr c, void *arg, struct fail *e)
{
	struct virt_object *o = arg;
	auto_(virNetworkFree) virNetworkPtr network = NULL;
	int owner = find_network(c, o, &network, e), persistent;

	if (owner != VIRT_OURS)
		return owner;
	persistent = virNetworkIsPersistent(network);
	if (virNetworkIsActive(network) == 1 && virNetworkDestroy(network) < 0 && virt_error() != VIR_ERR_NO_NETWORK &&
	    virt_error() != VIR_ERR_OPERATION_INVALID)
		return fail_virt(e, "network '%s': stop", o->name);
	if (persistent != 0 && virNetworkUndefine(network) < 0 && virt_error() != VIR_ERR_NO_NETWORK)
		return fail_virt(e, "network '%s': undefine", o->name);
	o->changed = true;
	return 0;
}

int virt_network_remove(struct virt *v, const char *name, const char *lab_uuid, bool *ret_changed, struct fail *e)
{
	struct virt_object o = { .name = name, .lab_uuid = lab_uuid };

	if (virt_call(v, "network remove", name, network_remove, &o, e))
		return -1;
	*ret_changed = o.changed;
	return 0;
}

/* --- all of them --- */

struct networks {
	virNetworkPtr *list;
	int count; /* -1: not listed, nothing to free */
};

static void networks_clear_auto(struct networks *n)
{
	for (int i = 0; i < n->count; i++)
		virNetworkFree(n->list[i]);
	if (n->count >= 0)
		free(n->list);
}

struct domains {
	virDomainPtr *list;
	int count;
};

static void domains_clear_auto(struct domains *d)
{
	for (int i = 0; i < d->count; i++)
		virDomainFree(d->list[i]);
	if (d->count >= 0)
		free(d->list);
}

/* Lists the networks; none if the driver does not support networks. */
static int list_networks(virConnectPtr c, struct networks *n, struct fail *e)
{
	n->count = virConnectListAllNetworks(c, &n->list, 0);
	if (n->count < 0 && virt_error() != VIR_ERR_NO_SUPPORT)
		return fail_virt(e, "list of networks");
	return 0;
}

struct facts_query {
	const char *lab_uuid;
	struct arena *a;
	struct facts facts;
};

/* Adds a domain to the facts, unless it vanishes meanwhile. */
static void add_domain(struct facts_query *q, virDomainPtr domain)
{
	auto_(free) char *xml = virDomainGetXMLDesc(domain, 0);
	auto_(xmlFreeDoc) xmlDocPtr doc = xml ? virt_xml(xml) : NULL;
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	int state = VIR_DOMAIN_NOSTATE, reason = 0;
	struct virt_tag tag;
	bool lost;

	if (!doc)
		return;
	virt_tag(doc, q->a, &tag);
	if (!tag.lab_uuid || (q->lab_uuid && strcmp(tag.lab_uuid, q->lab_uuid) != 0))
		return;
	lost = tag.type && !strcmp(tag.type, "lxc") && virDomainIsActive(domain) == 1 && virt_domain_lost(domain);
	virDomainGetState(domain, &state, &reason, 0);
	virDomainGetUUIDString(domain, uuid);
	*arena_push(q->a, q->facts.domains, q->facts.domain_count) = (struct fact_domain){
		.name = arena_strdup(q->a, virDomainGetName(domain)),
		.uuid = arena_strdup(q->a, uuid),
		.lab = tag.lab ? tag.lab : "",
		.lab_uuid = tag.lab_uuid,
		.node = tag.node ? tag.node : "",
		.lab_state = tag.state,
		.type = tag.type ? tag.type : "",
		.active = virDomainIsActive(domain) == 1,
		.lost = lost,
		.state = lost && virt_state_runs(state) ? VIRT_LOST : virt_state_word(state, reason),
		.runs = !lost && virt_state_runs(state),
	};
}

static void add_network(struct facts_query *q, virNetworkPtr network)
{
	auto_(free) char *xml = virNetworkGetXMLDesc(network, 0);
	auto_(xmlFreeDoc) xmlDocPtr doc = xml ? virt_xml(xml) : NULL;
	struct virt_tag tag;

	if (!doc)
		return;
	virt_tag(doc, q->a, &tag);
	if (!tag.lab_uuid || (q->lab_uuid && strcmp(tag.lab_uuid, q->lab_uuid) != 0))
		return;
	*arena_push(q->a, q->facts.networks, q->facts.network_count) = (struct fact_network){
		.name = arena_strdup(q->a, virNetworkGetName(network)),
		.lab = tag.lab ? tag.lab : "",
		.lab_uuid = tag.lab_uuid,
		.state = tag.state,
		.active = virNetworkIsActive(network) == 1,
	};
}

static int by_domain_name(const void *a, const void *b)
{
	return strcmp(((const struct fact_domain *)a)->name, ((const struct fact_domain *)b)->name);
}

static int by_network_name(const void *a, const void *b)
{
	return strcmp(((const struct fact_network *)a)->name, ((const struct fact_network *)b)->name);
}

static int collect_facts(virConnectPtr c, void *arg, struct fail *e)
{
	struct facts_query *q = arg;
	__attribute__((cleanup(domains_clear_auto))) struct domains d = { .count = -1 };
	__attribute__((cleanup(networks_clear_auto))) struct networks n = { .count = -1 };
	int i;

	q->facts = (struct facts){ 0 };
	d.count = virConnectListAllDomains(c, &d.list, 0);
	if (d.count < 0)
		return fail_virt(e, "list of domains");
	for (i = 0; i < d.count; i++)
		add_domain(q, d.list[i]);
	if (list_networks(c, &n, e))
		return -1;
	for (i = 0; i < n.count; i++)
		add_network(q, n.list[i]);
	/* with a connection that has died, the host would seem to have no labs */
	if (virConnectIsAlive(c) != 1)
		return fail(e, FAIL_VIRT, "libvirt closed the connection");
	if (q->facts.domain_count)
		qsort(q->facts.domains, q->facts.domain_count, sizeof *q->facts.domains, by_domain_name);
	if (q->facts.network_count)
		qsort(q->facts.networks, q->facts.network_count, sizeof *q->facts.networks, by_network_name);
	return 0;
}

int virt_facts(struct virt *v, const char *lab_uuid, struct arena *a, struct facts *ret_facts, struct fail *e)
{
	struct facts_query q = { .lab_uuid = lab_uuid, .a = a };

	if (virt_call(v, "list domains and networks", NULL, collect_facts, &q, e))
		return -1;
	*ret_facts = q.facts;
	return 0;
}

/* --- subnets --- */

struct subnets_query {
	struct arena *a;
	struct subnet *list;
	unsigned count;
};

static bool read_subnet(xmlNodePtr ip, struct arena *a, struct subnet *ret_subnet)
{
	const char *address = virt_attribute(ip, "address", a), *netmask = virt_attribute(ip, "netmask", a);
	const char *prefix = virt_attribute(ip, "prefix", a);
	struct in_addr parsed, mask;
	unsigned prefix_len = 32;

	if (!address || inet_pton(AF_INET, address, &parsed) != 1)
		return false; /* IPv6: labs do not use it */
	if (prefix)
		prefix_len = (unsigned)strtoul(prefix, NULL, 10);
	else if (netmask && inet_pton(AF_INET, netmask, &mask) == 1)
		prefix_len = (unsigned)__builtin_popcount(mask.s_addr);
	if (prefix_len < 1 || prefix_len > 32)
		return false;
	ret_subnet->host = ntohl(parsed.s_addr);
	ret_subnet->address = ntohl(parsed.s_addr) & (UINT32_MAX << (32 - prefix_len));
	ret_subnet->prefix_len = prefix_len;
	return true;
}

static void add_subnets(struct subnets_query *q, virNetworkPtr network)
{
	auto_(free) char *xml = virNetworkGetXMLDesc(network, 0);
	auto_(xmlFreeDoc) xmlDocPtr doc = xml ? virt_xml(xml) : NULL;
	struct virt_tag tag;
	xmlNodePtr node;

	if (!doc)
		return;
	virt_tag(doc, q->a, &tag);
	for (node = xmlDocGetRootElement(doc)->children; node; node = node->next) {
		struct subnet s = { .network = arena_strdup(q->a, virNetworkGetName(network)), .lab = tag.lab, .lab_uuid = tag.lab_uuid,
				    .state = tag.state };

		if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "ip") == 0 &&
		    read_subnet(node, q->a, &s))
			*arena_push(q->a, q->list, q->count) = s;
	}
}

static int collect_subnets(virConnectPtr c, void *arg, struct fail *e)
{
	struct subnets_query *q = arg;
	__attribute__((cleanup(networks_clear_auto))) struct networks n = { .count = -1 };
	int i;

	q->list = NULL;
	q->count = 0;
	if (list_networks(c, &n, e))
		return -1;
	for (i = 0; i < n.count; i++)
		add_subnets(q, n.list[i]);
	if (virConnectIsAlive(c) != 1)
		return fail(e, FAIL_VIRT, "libvirt closed the connection");
	return 0;
}

int virt_subnets(struct virt *v, struct arena *a, struct subnet **ret, unsigned *ret_count, struct fail *e)
{
	struct subnets_query q = { .a = a };

	if (virt_call(v, "list subnets", NULL, collect_subnets, &q, e))
		return -1;
	*ret = q.list;
	*ret_count = q.count;
	return 0;
}
