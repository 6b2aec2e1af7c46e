/* SPDX-License-Identifier: PostgreSQL */
/*
 * The memory of machines as files. libvirt's API of snapshots cannot return to external ones before 9.9, and moves the paths of
 * disks: here a machine is saved, which ends it, and continues from the file.
 */
#include <unistd.h>

#include "clock.h"
#include "virt_call.h"

/* An hour: libvirt writes and reads at the speed of the disk, and labctl's steps have deadlines of their own. */
#define PATIENCE_MS 3600000
#define JOB_POLL_MS 100

struct saved { struct virt_object o; const char *path; bool whole; };

/* libvirt writes the head of the file again when all is there: a part of one is no image. */
static bool is_whole(virConnectPtr c, const char *path)
{
	auto_(free) char *xml = access(path, F_OK) == 0 ? virDomainSaveImageGetXMLDesc(c, path, 0) : NULL;

	return xml != NULL;
}

/* After labctl was killed, libvirt goes on with what it was doing. It cannot say what that is while it ends the machine. */
static void wait_for_job(virDomainPtr domain)
{
	int64_t deadline = clock_after_ms(PATIENCE_MS);
	virDomainJobInfo job;

	while (virDomainIsActive(domain) == 1 && clock_left_ms(deadline) > 0) {
		if (virDomainGetJobInfo(domain, &job) == 0 && job.type == VIR_DOMAIN_JOB_NONE)
			break;
		clock_sleep_ms(JOB_POLL_MS);
	}
}

static int domain_save(virConnectPtr c, void *arg, struct fail *e)
{
	struct saved *s = arg;
	auto_(virDomainFree) virDomainPtr domain = NULL;
	int owner = virt_find_domain(c, &s->o, &domain, e), state, reason;

	if (owner != VIRT_OURS)
		return owner < 0 ? owner : fail(e, FAIL_NOT_FOUND, "domain '%s' is missing", s->o.name);
	if (virDomainGetState(domain, &state, &reason, 0) < 0)
		return fail_virt(e, "domain '%s': state", s->o.name);
	if (state != VIR_DOMAIN_PAUSED) /* off and saved, if libvirtd was restarted right after that */
		return state == VIR_DOMAIN_SHUTOFF && is_whole(c, s->path)
			       ? 0
			       : fail(e, FAIL_VIRT, "domain '%s' is %s, not paused", s->o.name, virt_state_word(state, reason));
	if (virDomainSaveFlags(domain, s->path, NULL, VIR_DOMAIN_SAVE_PAUSED) < 0)
		return fail_virt(e, "domain '%s': save its memory", s->o.name);
	return 0;
}

int virt_domain_save(struct virt *v, const char *name, const char *lab_uuid, const char *path, struct fail *e)
{
	struct saved s = { .o = { .name = name, .lab_uuid = lab_uuid }, .path = path };

	return virt_call_long(v, "domain save", name, PATIENCE_MS, domain_save, &s, e) ? -1 : 0;
}

static int domain_restore(virConnectPtr c, void *arg, struct fail *e)
{
	struct saved *s = arg;
	auto_(virDomainFree) virDomainPtr domain = NULL;
	int owner = virt_find_domain(c, &s->o, &domain, e);
	struct fail why;

	if (owner != VIRT_OURS)
		return owner < 0 ? owner : fail(e, FAIL_NOT_FOUND, "domain '%s' is missing", s->o.name);
	wait_for_job(domain);
	s->whole = true;
	if (virDomainIsActive(domain) == 1)
		return 0;
	s->whole = is_whole(c, s->path);
	if (!s->whole)
		return fail(e, FAIL_VIRT, "domain '%s' is off, and %s does not have its whole memory", s->o.name, s->path);
	if (virDomainRestoreFlags(c, s->path, NULL, VIR_DOMAIN_SAVE_PAUSED) < 0) {
		fail_virt(&why, "domain '%s': continue from %s", s->o.name, s->path);
		if (virDomainIsActive(domain) != 1) {
			*e = why;
			return -1;
		}
	}
	s->o.changed = true;
	return 0;
}

int virt_domain_restore(struct virt *v, const char *name, const char *lab_uuid, const char *path, bool *ret_changed, bool *ret_whole,
			struct fail *e)
{
	struct saved s = { .o = { .name = name, .lab_uuid = lab_uuid }, .path = path };
	int r = virt_call_long(v, "domain restore", name, PATIENCE_MS, domain_restore, &s, e);

	*ret_changed = s.o.changed;
	*ret_whole = s.whole;
	return r ? -1 : 0;
}
