/* SPDX-License-Identifier: PostgreSQL */
/* What libvirt knows about a lab, as it says it itself: for reports. */
#include <string.h>

#include "virt_call.h"

struct describe {
	const char *lab_uuid;
	void (*each)(void *ctx, const char *name, const char *state, const char *xml);
	void *ctx;
};

/* XML of another lab, or of none, is left out; passwords are never in it (no VIR_DOMAIN_XML_SECURE). */
static void add(const struct describe *d, const char *name, const char *state, const char *xml)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct virt_tag tag;

	if (xml && virt_read_tag(xml, a, &tag) && !strcmp(tag.lab_uuid, d->lab_uuid))
		d->each(d->ctx, name, state, xml);
}

static int describe(virConnectPtr c, void *arg, struct fail *e)
{
	const struct describe *d = arg;
	virDomainPtr *domains = NULL;
	virNetworkPtr *networks = NULL;
	int domain_count = virConnectListAllDomains(c, &domains, 0), network_count;

	if (domain_count < 0)
		return fail_virt(e, "list of domains");
	for (int i = 0; i < domain_count; i++) {
		auto_(free) char *xml = virDomainGetXMLDesc(domains[i], 0);
		int state = 0, reason = 0;

		virDomainGetState(domains[i], &state, &reason, 0);
		add(d, virDomainGetName(domains[i]), virt_state_word(state, reason), xml);
		virDomainFree(domains[i]);
	}
	free(domains);
	network_count = virConnectListAllNetworks(c, &networks, 0);
	if (network_count < 0)
		return fail_virt(e, "list of networks");
	for (int i = 0; i < network_count; i++) {
		auto_(free) char *xml = virNetworkGetXMLDesc(networks[i], 0);

		add(d, virNetworkGetName(networks[i]), virNetworkIsActive(networks[i]) == 1 ? "active" : "inactive", xml);
		virNetworkFree(networks[i]);
	}
	free(networks);
	return 0;
}

int virt_describe(struct virt *v, const char *lab_uuid, void (*each)(void *ctx, const char *name, const char *state, const char *xml),
		  void *ctx, struct fail *e)
{
	struct describe d = { lab_uuid, each, ctx };

	return virt_call(v, "describe domains and networks", NULL, describe, &d, e);
}
