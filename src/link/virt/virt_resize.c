/* SPDX-License-Identifier: PostgreSQL */
/*
 * Gives a running domain another size. A container's limits are cgroups, which change at once; a machine has the memory and
 * the processors that it was started with until it is started again.
 */
#include <string.h>

#include "virt_call.h"

#define PERIOD_US 100000 /* as in the XML of new domains */
#define NO_QUOTA (1LL << 40) /* libvirt says that there is no limit by a value above it: 2^44 - 1 of cgroup 2, or 2^64 / 1000 */

struct resize {
	struct virt_object o;
	const struct virt_size *size;
	const char *waits;
	bool must;          /* without a limit of processor time it has failed */
};

static int set_memory(virDomainPtr domain, struct resize *r, struct fail *e)
{
	unsigned long long wanted = r->size->memory_mib * 1024;
	virTypedParameter now[8], limit = { .field = VIR_DOMAIN_MEMORY_HARD_LIMIT, .type = VIR_TYPED_PARAM_ULLONG };
	int count = ARRAY_COUNT(now);

	/* Without the host's cgroup for memory, no container has a limit. */
	if (virDomainGetMemoryParameters(domain, now, &count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return 0;
	for (int i = 0; i < count; i++)
		if (!strcmp(now[i].field, VIR_DOMAIN_MEMORY_HARD_LIMIT) && now[i].value.ul == wanted)
			return 0;
	limit.value.ul = wanted;
	if (virDomainSetMemoryParameters(domain, &limit, 1, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return fail_virt(e, "domain '%s': set its memory to %llu MiB", r->o.name, wanted / 1024);
	r->o.changed = true;
	return 0;
}

static int set_quota(virDomainPtr domain, bool container, struct resize *r, struct fail *e)
{
	const char *quota = container ? VIR_DOMAIN_SCHEDULER_VCPU_QUOTA : VIR_DOMAIN_SCHEDULER_GLOBAL_QUOTA;
	const char *period = container ? VIR_DOMAIN_SCHEDULER_VCPU_PERIOD : VIR_DOMAIN_SCHEDULER_GLOBAL_PERIOD;
	long long wanted = r->size->cpu_quota ? (long long)r->size->cpu_quota * PERIOD_US / 100 : -1, has = -1;
	virTypedParameter now[16], limits[2] = { { .type = VIR_TYPED_PARAM_ULLONG }, { .type = VIR_TYPED_PARAM_LLONG } };
	int count = ARRAY_COUNT(now);

	/* Without the host's cgroup for processors there is no limit; a domain that should have one would not have started. */
	if (virDomainGetSchedulerParametersFlags(domain, now, &count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return r->must ? fail(e, FAIL_HOST, "domain '%s': the host cannot limit its processor time", r->o.name) : 0;
	for (int i = 0; i < count; i++)
		if (!strcmp(now[i].field, quota))
			has = now[i].value.l > 0 && now[i].value.l < NO_QUOTA ? now[i].value.l : -1;
	if (has == wanted)
		return 0;
	memcpy(limits[0].field, period, strlen(period) + 1);
	limits[0].value.ul = PERIOD_US;
	memcpy(limits[1].field, quota, strlen(quota) + 1);
	limits[1].value.l = wanted;
	if (virDomainSetSchedulerParametersFlags(domain, limits, ARRAY_COUNT(limits), VIR_DOMAIN_AFFECT_LIVE) < 0)
		return fail_virt(e, "domain '%s': set its processor time", r->o.name);
	r->o.changed = true;
	return 0;
}

static int resize(virConnectPtr c, void *arg, struct fail *e)
{
	struct resize *r = arg;
	auto_(virDomainFree) virDomainPtr domain = virDomainLookupByName(c, r->o.name), defined = NULL;
	auto_(free) char *type = domain ? virDomainGetOSType(domain) : NULL;
	bool container = type && !strcmp(type, "exe"), memory, cpus;
	virDomainInfo info;

	if (!domain || virDomainGetInfo(domain, &info) < 0)
		return fail_virt(e, "domain '%s'", r->o.name);
	if (virDomainIsActive(domain) != 1)
		return 0;
	memory = !container && info.maxMem != r->size->memory_mib * 1024;
	cpus = !container && info.nrVirtCpu != r->size->cpus;
	r->waits = memory && cpus ? "memory and processors" : memory ? "memory" : cpus ? "processors" : NULL;
	if ((container && set_memory(domain, r, e) < 0) || set_quota(domain, container, r, e) < 0)
		return -1;
	if (!r->o.changed && !r->waits)
		return 0;
	/* What it gets at its next start, also if libvirt starts it. */
	defined = virDomainDefineXMLFlags(c, r->o.xml, 0);
	return defined ? 0 : fail_virt(e, "domain '%s': define", r->o.name);
}

int virt_domain_resize(struct virt *v, const char *name, const char *xml, const struct virt_size *size, bool *ret_changed,
		       const char **ret_waits, struct fail *e)
{
	struct resize r = { .o = { .name = name, .xml = xml }, .size = size };

	if (virt_call(v, "domain resize", name, resize, &r, e))
		return -1;
	*ret_changed = r.o.changed;
	*ret_waits = r.waits;
	return 0;
}

static int quota(virConnectPtr c, void *arg, struct fail *e)
{
	struct resize *r = arg;
	auto_(virDomainFree) virDomainPtr domain = NULL;
	int owner = virt_find_domain(c, &r->o, &domain, e);
	auto_(free) char *type = owner == VIRT_OURS ? virDomainGetOSType(domain) : NULL;

	if (owner != VIRT_OURS || virDomainIsActive(domain) != 1)
		return owner < 0 ? owner : fail(e, FAIL_VIRT, "domain '%s' does not run", r->o.name);
	return set_quota(domain, type && !strcmp(type, "exe"), r, e);
}

int virt_domain_quota(struct virt *v, const char *name, const char *lab_uuid, unsigned percent, bool *ret_changed, struct fail *e)
{
	const struct virt_size size = { .cpu_quota = percent };
	struct resize r = { .o = { .name = name, .lab_uuid = lab_uuid }, .size = &size, .must = true };

	if (virt_call(v, "domain quota", name, quota, &r, e))
		return -1;
	*ret_changed = r.o.changed;
	return 0;
}
