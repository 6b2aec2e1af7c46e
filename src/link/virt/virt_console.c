/* SPDX-License-Identifier: PostgreSQL */
/* Consoles: what a container prints at its start, and a person at the console of a domain. */
#include "clock.h"
#include "virt_call.h"

#define STARTS_MS 15000      /* for all starts: a process that ends at once may be gone before its console can be opened */
#define READ_MS 1000         /* for one start */
#define RETRY_MS 200         /* between two starts, when one fails */
#define REST_MS 100          /* for what is on its way when the domain has ended */
#define OUTPUT_MAX (16 << 10)

/* --- what a container prints at its start: libvirt's containers have a terminal as console, and no log of it --- */

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
	while (!f->text->len && clock_left_ms(deadline_ms) > 0) {
		if (virDomainCreate(domain) < 0) {
			clock_sleep_ms(RETRY_MS); /* libvirt may not have seen the last end yet */
			continue;
		}
		if (read_console(c, domain, f->text)) {
			strbuf_clear(f->text); /* it starts now, so this says nothing about the failure */
			break;
		}
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

/* --- a person at the console --- */

#define BUSY_MS 10      /* pause between two looks while something happens */
#define QUIET_MS 50     /* and when nothing has happened for QUIET_AFTER_MS */
#define QUIET_AFTER_MS 1000

struct talk {
	virConnectPtr connection;
	virDomainPtr domain;
	virStreamPtr stream;
	const struct virt_console_io *io;
	int64_t moved_ms; /* when something was typed or shown last */
};

/*
 * Shows what the console says. 1 = it may say more, 0 = it has ended, -1 = the stream broke. Without libvirt's event loop
 * nothing arrives by itself: while a connection waits for the answer to a call, it receives for its streams, too.
 */
static int show(struct talk *t)
{
	bool active = virDomainIsActive(t->domain) == 1;
	char piece[4096];
	int n;

	while ((n = virStreamRecv(t->stream, piece, sizeof piece)) > 0) {
		t->io->show(t->io->ctx, piece, (size_t)n);
		t->moved_ms = clock_now_ms();
	}
	return n == -1 ? -1 : n == 0 || !active ? 0 : 1;
}

/* Sends what was typed; while the console takes no more, shows what it says. */
static int send_keys(struct talk *t, const char *keys, int len)
{
	int n, more = 1;

	t->moved_ms = clock_now_ms();
	while (len > 0 && more == 1) {
		n = virStreamSend(t->stream, keys, (size_t)len);
		if (n == -1)
			return -1;
		if (n > 0) {
			keys += n;
			len -= n;
		} else {
			more = show(t);
			clock_sleep_ms(BUSY_MS);
		}
	}
	return more;
}

static int talk(struct talk *t, const char *uri, bool *ret_ended)
{
	struct virt_running running;
	char keys[1024];
	int n, more = 1;

	t->moved_ms = clock_now_ms();
	*ret_ended = false;
	for (;;) {
		/* a person may think for hours, but each of these calls is short */
		n = t->io->typed(t->io->ctx, keys, sizeof keys, clock_now_ms() - t->moved_ms < QUIET_AFTER_MS ? BUSY_MS : QUIET_MS);
		if (n < 0)
			return 0;
		virt_begin(&running, uri, 0);
		more = n ? send_keys(t, keys, n) : 1;
		more = more == 1 ? show(t) : more;
		virt_end(&running);
		*ret_ended = more == 0;
		if (more != 1)
			return more;
	}
}

static int open_console(struct talk *t, const struct virt_object *o, bool force, struct fail *e)
{
	auto_(free) char *xml = NULL;

	t->domain = virDomainLookupByName(t->connection, o->name);
	xml = t->domain ? virDomainGetXMLDesc(t->domain, 0) : NULL;
	if (!xml)
		return fail_virt(e, "domain '%s'", o->name);
	if (virt_owner("domain", o, xml, e) != VIRT_OURS)
		return -1;
	t->stream = virStreamNew(t->connection, VIR_STREAM_NONBLOCK);
	if (t->stream && virDomainOpenConsole(t->domain, NULL, t->stream, force ? VIR_DOMAIN_CONSOLE_FORCE : 0) == 0)
		return 0;
	fail_virt(e, "console of domain '%s'", o->name);
	/* libvirt has no other reason than another session; it is told apart by its code */
	if (!force && virt_error() == VIR_ERR_OPERATION_FAILED)
		fail_cause(e, CAUSE_IN_USE);
	return -1;
}

int virt_console(struct virt *v, const char *name, const char *lab_uuid, bool force, const struct virt_console_io *io,
		 bool *ret_ended, struct fail *e)
{
	struct talk t = { .io = io };
	int r;

	if (virt_connect(v, &t.connection, e) < 0)
		return -1;
	r = open_console(&t, &(struct virt_object){ .name = name, .lab_uuid = lab_uuid }, force, e);
	if (r == 0) {
		io->opened(io->ctx);
		r = talk(&t, virt_uri(v), ret_ended);
		if (r < 0)
			fail_virt(e, "console of domain '%s'", name);
	}
	if (t.stream) {
		virStreamAbort(t.stream);
		virStreamFree(t.stream);
	}
	if (t.domain)
		virDomainFree(t.domain);
	virConnectClose(t.connection);
	return r;
}
