/* SPDX-License-Identifier: PostgreSQL */
/*
 * What domains have used so far. libvirt's bulk statistics answer for all domains in one call, but its LXC driver has none:
 * there each domain is asked.
 */
#include <stdlib.h>
#include <string.h>

#include "virt_call.h"

struct usage_args { const char *const *domains; unsigned count; struct virt_usage *usage; };

static struct virt_usage *usage_of(const struct usage_args *a, const char *name)
{
	for (unsigned i = 0; name && i < a->count; i++)
		if (!strcmp(a->domains[i], name))
			return &a->usage[i];
	return NULL;
}

/* Adds up "block.0.rd.bytes", "block.1.rd.bytes"... */
static double sum(virTypedParameterPtr params, int count, const char *group, const char *suffix)
{
	size_t group_len = strlen(group), suffix_len = strlen(suffix), len;
	double total = 0;

	for (int i = 0; i < count; i++) {
		len = strlen(params[i].field);
		if (!strncmp(params[i].field, group, group_len) && len > suffix_len &&
		    !strcmp(params[i].field + len - suffix_len, suffix) && params[i].type == VIR_TYPED_PARAM_ULLONG)
			total += (double)params[i].value.ul;
	}
	return total;
}

static void take(const virDomainStatsRecord *record, struct virt_usage *u)
{
	unsigned long long ns = 0, kib = 0;

	if (virTypedParamsGetULLong(record->params, record->nparams, "cpu.time", &ns) == 1)
		u->cpu_s = (double)ns / 1e9;
	if (virTypedParamsGetULLong(record->params, record->nparams, "balloon.rss", &kib) == 1)
		u->memory_bytes = (double)kib * 1024;
	u->read_bytes = sum(record->params, record->nparams, "block.", ".rd.bytes");
	u->written_bytes = sum(record->params, record->nparams, "block.", ".wr.bytes");
	u->received_bytes = sum(record->params, record->nparams, "net.", ".rx.bytes");
	u->sent_bytes = sum(record->params, record->nparams, "net.", ".tx.bytes");
	u->known = true;
}

static bool ask_all(virConnectPtr c, const struct usage_args *a)
{
	virDomainStatsRecordPtr *records = NULL;
	int count = virConnectGetAllDomainStats(c, VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_BLOCK |
							VIR_DOMAIN_STATS_INTERFACE, &records,
						VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

	for (int i = 0; i < count; i++) {
		struct virt_usage *u = usage_of(a, virDomainGetName(records[i]->dom));

		if (u)
			take(records[i], u);
	}
	if (count >= 0)
		virDomainStatsRecordListFree(records);
	return count >= 0;
}

/* Adds up the counters of a container's interfaces, which libvirt knows by the names of their links on the host. */
static void ask_links(virDomainPtr domain, struct virt_usage *u)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(free) char *xml = virDomainGetXMLDesc(domain, 0);
	auto_(xmlFreeDoc) xmlDocPtr doc = xml ? virt_xml(xml) : NULL;
	xmlNodePtr devices = doc ? virt_child(xmlDocGetRootElement(doc), "devices") : NULL;

	for (xmlNodePtr n = devices ? devices->children : NULL; n; n = n->next) {
		xmlNodePtr target = n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, "interface") ?
					    virt_child(n, "target") : NULL;
		const char *link = target ? virt_attribute(target, "dev", a) : NULL;
		virDomainInterfaceStatsStruct stats;

		if (!link || virDomainInterfaceStats(domain, link, &stats, sizeof stats) < 0)
			continue;
		u->received_bytes += (double)stats.rx_bytes;
		u->sent_bytes += (double)stats.tx_bytes;
	}
}

static void ask_one(virConnectPtr c, const char *name, struct virt_usage *u)
{
	auto_(virDomainFree) virDomainPtr domain = virDomainLookupByName(c, name);
	virDomainMemoryStatStruct memory[VIR_DOMAIN_MEMORY_STAT_NR];
	virDomainInfo info;
	int count;

	if (!domain || virDomainGetInfo(domain, &info) < 0)
		return;
	u->cpu_s = (double)info.cpuTime / 1e9;
	u->known = true;
	count = virDomainMemoryStats(domain, memory, VIR_DOMAIN_MEMORY_STAT_NR, 0);
	for (int i = 0; i < count; i++)
		if (memory[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS)
			u->memory_bytes = (double)memory[i].val * 1024;
	ask_links(domain, u);
}

static int usage(virConnectPtr c, void *arg, struct fail *e)
{
	const struct usage_args *a = arg;

	(void)e;
	memset(a->usage, 0, a->count * sizeof *a->usage);
	if (!ask_all(c, a))
		for (unsigned i = 0; i < a->count; i++)
			ask_one(c, a->domains[i], &a->usage[i]);
	return 0;
}

int virt_usage(struct virt *v, const char *const *domains, unsigned count, struct virt_usage *ret, struct fail *e)
{
	struct usage_args a = { domains, count, ret };

	return virt_call(v, "domain usage", NULL, usage, &a, e);
}
