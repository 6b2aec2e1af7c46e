/* SPDX-License-Identifier: PostgreSQL */
/* A guest that boots and powers itself off: does KVM run what it is given? */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "virt_call.h"

#define LOOK_MS 100
#define CONSOLE_MS 5000
#define LOG_MAX_BYTES (1u << 20)

/* --- the user of machines --- */

static const char *content(xmlNodePtr node, struct arena *a)
{
	xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
	const char *copy = text ? arena_strdup(a, (const char *)text) : NULL;

	xmlFree(text);
	return copy;
}

struct dac { const char *type, *label; struct arena *a; };

static int dac_label(virConnectPtr c, void *arg, struct fail *e)
{
	struct dac *d = arg;
	auto_(free) char *xml = virConnectGetCapabilities(c);
	auto_(xmlFreeDoc) xmlDocPtr doc = xml ? virt_xml(xml) : NULL;
	xmlNodePtr host = doc ? virt_child(xmlDocGetRootElement(doc), "host") : NULL;

	if (!xml)
		return fail_virt(e, "capabilities");
	for (xmlNodePtr model = host ? host->children : NULL; model; model = model->next) {
		const char *name = model->type == XML_ELEMENT_NODE && !strcmp((const char *)model->name, "secmodel") ?
					   content(virt_child(model, "model"), d->a) : NULL;

		for (xmlNodePtr l = name && !strcmp(name, "dac") ? model->children : NULL; l; l = l->next) {
			const char *type = l->type == XML_ELEMENT_NODE && !strcmp((const char *)l->name, "baselabel") ?
						   virt_attribute(l, "type", d->a) : NULL;

			if (type && !strcmp(type, d->type))
				d->label = content(l, d->a);
		}
	}
	return 0;
}

int virt_dac_label(struct virt *v, const char *type, struct arena *a, const char **ret_label, struct fail *e)
{
	struct dac d = { .type = type, .a = a };

	if (virt_call(v, "capabilities", NULL, dac_label, &d, e) < 0)
		return -1;
	*ret_label = d.label;
	return 0;
}

/* --- the guest --- */

struct boot {
	virConnectPtr connection;
	virDomainPtr domain;
	const struct virt_guest *guest;
	struct virt_boot *ret;
	int64_t began_ms;
};

static int start(struct boot *b, struct fail *e)
{
	/* Whatever becomes of us, libvirt ends it with the connection. */
	b->domain = virDomainCreateXML(b->connection, b->guest->xml, VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);
	if (!b->domain)
		return fail_virt(e, "domain '%s': start", b->guest->name);
	/* From here on: libvirt may have taken a minute to ask a QEMU that is new to it what it can do. */
	b->began_ms = clock_now_ms();
	return virDomainResume(b->domain) < 0 ? fail_virt(e, "domain '%s': resume", b->guest->name) : 0;
}

/* One look; true: the guest goes on. */
static bool goes_on(struct boot *b)
{
	struct virt_running running;
	int state = VIR_DOMAIN_SHUTOFF, reason = 0;

	virt_begin(&running, b->guest->name, 0);
	if (virDomainGetState(b->domain, &state, &reason, 0) < 0)
		state = VIR_DOMAIN_SHUTOFF; /* gone: it was never defined */
	virt_end(&running);
	b->ret->state = virt_state_word(state, reason);
	b->ret->ended = !virt_state_runs(state) && state != VIR_DOMAIN_PAUSED;
	return virt_state_runs(state);
}

/* What QEMU said, without the command line that libvirt logs first. */
static void read_log(struct boot *b)
{
	char path[256];
	struct fail ignored = { 0 };

	snprintf(path, sizeof path, "/var/log/libvirt/qemu/%s.log", b->guest->name);
	file_read(path, LOG_MAX_BYTES, &b->ret->log, &ignored);
}

/*
 * What the guest said, from the file that libvirt writes, not through a stream to the console: if a machine ends while one is
 * open, two threads of libvirtd can wait for each other for good (virChrdevFree() and virStreamAbort(), seen with libvirt 9.0).
 * The last lines come through a pipe to virtlogd.
 */
static void read_console(struct boot *b)
{
	struct strbuf *text = &b->ret->console;
	int64_t deadline_ms = clock_after_ms(CONSOLE_MS);
	struct fail ignored = { 0 };
	size_t before;

	do {
		before = text->len;
		clock_sleep_ms(LOOK_MS);
		strbuf_clear(text);
		file_read(b->guest->console, LOG_MAX_BYTES, text, &ignored);
	} while (text->len != before && clock_left_ms(deadline_ms) > 0);
}

static void finish(struct boot *b)
{
	char uuid[VIR_UUID_STRING_BUFLEN] = "";

	read_log(b);
	if (!b->domain)
		return;
	read_console(b);
	virDomainGetUUIDString(b->domain, uuid);
	virDomainDestroy(b->domain); /* fails if it has ended */
	virDomainFree(b->domain);
	virt_left_files(b->connection, b->guest->name, uuid);
	unlink(b->guest->console);
}

int virt_guest_boot(struct virt *v, const struct virt_guest *guest, struct virt_boot *ret, struct fail *e)
{
	struct boot b = { .guest = guest, .ret = ret };
	struct virt_running running;
	int r;

	if (virt_connect(v, &b.connection, e) < 0)
		return -1;
	virt_begin(&running, virt_uri(v), 0);
	r = start(&b, e);
	virt_end(&running);
	while (r == 0 && goes_on(&b) && clock_now_ms() - b.began_ms < guest->timeout_ms) {
		if (guest->cancel && atomic_load(guest->cancel))
			r = fail(e, FAIL_CANCELED, "interrupted");
		clock_sleep_ms(LOOK_MS);
	}
	ret->ms = clock_now_ms() - b.began_ms;
	virt_begin(&running, virt_uri(v), 0);
	finish(&b);
	virConnectClose(b.connection);
	virt_end(&running);
	return r;
}
