/* SPDX-License-Identifier: PostgreSQL */
/* What a container prints at its start. libvirt's containers have a terminal as console, and no log of it. */
#include "clock.h"
#include "virt_call.h"

#define STARTS_MS 6000       /* for all starts: a process that ends at once may be gone before its console can be opened */
#define READ_MS 1000         /* for one start */
#define REST_MS 100          /* for what is on its way when the domain has ended */
#define OUTPUT_MAX (16 << 10)

struct first_output { struct virt_object object; struct strbuf *text; };

/* Reads until the end of the output, READ_MS at most. True if the domain still runs then. */
static bool read_console(virConnectPtr c, virDomainPtr domain, struct strbuf *text)
{
	int64_t deadline_ms = clock_after_ms(READ_MS);
	virStreamPtr stream = virStreamNew(c, VIR_STREAM_NONBLOCK);
	bool open = stream && virDomainOpenConsole(domain, NULL, stream, 0) == 0, active = true;
	char piece[1024];
	int n = -2;

	while (open && n != 0 && n != -1 && clock_left_ms(deadline_ms) > 0 && text->len < OUTPUT_MAX) {
		n = virStreamRecv(stream, piece, sizeof piece);
		if (n > 0)
			strbuf_add(text, piece, (size_t)n);
		if (n != -2)
			continue;
		/* Nothing yet. While the connection waits for the answer to this call, it receives for the stream, too. */
		if (active && virDomainIsActive(domain) != 1) {
			active = false;
			deadline_ms = clock_after_ms(REST_MS);
		} else {
			clock_sleep_ms(10);
			virDomainIsActive(domain);
		}
	}
	if (stream) {
		virStreamAbort(stream);
		virStreamFree(stream);
	}
	return virDomainIsActive(domain) == 1;
}

static int start_and_read(virConnectPtr c, void *arg, struct fail *e)
{
	struct first_output *f = arg;
	int64_t deadline_ms = clock_after_ms(STARTS_MS);
	auto_(virDomainFree) virDomainPtr domain = virDomainLookupByName(c, f->object.name);
	auto_(free) char *xml = domain ? virDomainGetXMLDesc(domain, 0) : NULL;

	if (!xml || virt_owner("domain", &f->object, xml, e) != VIRT_OURS)
		return -1;
	while (!f->text->len && clock_left_ms(deadline_ms) > 0)
		if (virDomainCreate(domain) < 0 || read_console(c, domain, f->text)) {
			strbuf_clear(f->text); /* it starts now, so this says nothing about the failure */
			break;
		}
	return 0;
}

void virt_first_output(struct virt *v, const char *name, const char *lab_uuid, struct strbuf *ret_text)
{
	struct first_output f = { .object = { .name = name, .lab_uuid = lab_uuid }, .text = ret_text };
	struct fail ignored;

	if (virt_call(v, "domain start, console", name, start_and_read, &f, &ignored))
		strbuf_clear(ret_text);
}
