/* SPDX-License-Identifier: PostgreSQL */
/*
 * Connections to libvirt, each lent for one call at a time, and labctl's tags.
 * No keepalive: libvirtd would answer it even while a call hangs, it needs libvirt's event loop, and the sockets are local.
 */
#include "virt.h"

#include <errno.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "quote.h"
#include "trace.h"
#include "virt_call.h"

/*
 * As many as labctl runs steps in parallel by default; with --jobs or in a large lab more steps wait in take().
 * A call that stops a machine occupies one of libvirtd's 20 workers.
 */
#define CONNECTIONS_MAX 8
#define RETURN_MS 10000 /* a daemon that is being restarted is back within this time */
#define RETURN_POLL_MS 100

struct virt {
	char *uri;
	bool reached;         /* set before other threads have the pointer */
	pthread_mutex_t lock; /* guards everything below */
	pthread_cond_t returned;
	virConnectPtr idle[CONNECTIONS_MAX];
	unsigned idle_count;
	unsigned open_count; /* idle and in use */
};

/* --- errors --- */

static void stay_silent(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

static void init_once(void)
{
	virInitialize();
	/* without an error function libvirt prints every error to stderr */
	virSetErrorFunc(NULL, stay_silent);
	xmlInitParser();
}

int virt_error(void)
{
	virErrorPtr error = virGetLastError();

	return error ? error->code : VIR_ERR_OK;
}

int fail_virt(struct fail *e, const char *fmt, ...)
{
	char what[512], sentence[512];
	va_list args;

	snprintf(sentence, sizeof sentence, "%s", virGetLastErrorMessage());
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	return fail(e, FAIL_VIRT, "%s: libvirt: %s", what, sentence);
}

/* --- connections --- */

/*
 * libvirt writes to its socket without MSG_NOSIGNAL: if the daemon has gone, SIGPIPE would kill us. The signal goes to
 * the writing thread, so blocking it there during the call affects no other thread.
 */
struct quiet {
	sigset_t before;
	bool pending;
};

static void begin_quiet(struct quiet *q)
{
	sigset_t pipe, pending;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	q->pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe, &q->before);
}

static void end_quiet(struct quiet *q)
{
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	while (!q->pending && sigtimedwait(&pipe, NULL, &(struct timespec){ 0 }) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &q->before, NULL);
}

static int connect_to(struct virt *v, virConnectPtr *ret_connection, struct fail *e)
{
	int64_t until = clock_after_ms(v->reached ? RETURN_MS : 0);
	virConnectPtr c;

	while (!(c = virConnectOpen(v->uri)) && clock_left_ms(until) > 0)
		clock_sleep_ms(RETURN_POLL_MS);
	if (!c) {
		fail_virt(e, "connect to %s", v->uri);
		return fail_next(e, "labctl doctor");
	}
	*ret_connection = c;
	return 0;
}

int virt_connect(struct virt *v, virConnectPtr *ret_connection, struct fail *e)
{
	return connect_to(v, ret_connection, e);
}

const char *virt_uri(const struct virt *v)
{
	return v->uri;
}

static void give_back(struct virt *v, virConnectPtr c)
{
	pthread_mutex_lock(&v->lock);
	if (c)
		v->idle[v->idle_count++] = c;
	else
		v->open_count--;
	pthread_cond_signal(&v->returned);
	pthread_mutex_unlock(&v->lock);
}

/* Waits for an idle connection; NULL if the caller may open one more. No deadline: the calls it waits for are watched. */
static virConnectPtr take(struct virt *v)
{
	virConnectPtr c = NULL;

	pthread_mutex_lock(&v->lock);
	while (!v->idle_count && v->open_count == CONNECTIONS_MAX)
		pthread_cond_wait(&v->returned, &v->lock);
	if (v->idle_count)
		c = v->idle[--v->idle_count];
	else
		v->open_count++;
	pthread_mutex_unlock(&v->lock);
	return c;
}

/* Runs @op with the connection @c from take(). */
static int call(struct virt *v, virConnectPtr c, int (*op)(virConnectPtr c, void *arg, struct fail *e), void *arg,
		struct fail *e)
{
	struct fail first = { 0 };
	int result;

	if (!c && connect_to(v, &c, e)) {
		give_back(v, NULL);
		return -1;
	}
	result = op(c, arg, &first);
	if (result == 0 || virConnectIsAlive(c) == 1) {
		if (result)
			*e = first;
		give_back(v, c);
		return result;
	}
	virConnectClose(c);
	if (connect_to(v, &c, e)) {
		give_back(v, NULL);
		return -1;
	}
	result = op(c, arg, e);
	give_back(v, c);
	return result;
}

int virt_call_long(struct virt *v, const char *what, const char *name, int64_t within_ms,
		   int (*op)(virConnectPtr c, void *arg, struct fail *e), void *arg, struct fail *e)
{
	virConnectPtr c = take(v);
	struct virt_running running;
	struct trace trace;
	struct quiet quiet;
	int result;

	trace_begin(&trace, TRACE_LIBVIRT, "%s%s%s", what, name ? " " : "", name ? name : "");
	begin_quiet(&quiet);
	virt_begin(&running, v->uri, within_ms);
	result = call(v, c, op, arg, e);
	virt_end(&running);
	end_quiet(&quiet);
	trace_end(&trace, TRACE_LIBVIRT, result ? e : NULL, "%s", "");
	return result;
}

int virt_call(struct virt *v, const char *what, const char *name, int (*op)(virConnectPtr c, void *arg, struct fail *e),
	      void *arg, struct fail *e)
{
	return virt_call_long(v, what, name, 0, op, arg, e);
}

static int nothing(virConnectPtr c, void *arg, struct fail *e)
{
	(void)c;
	(void)arg;
	(void)e;
	return 0;
}

int virt_open(const char *uri, struct virt **ret_virt, struct fail *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	auto_(virt_close) struct virt *v = calloc(1, sizeof *v);

	pthread_once(&once, init_once);
	if (!v)
		abort();
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->returned, NULL);
	v->uri = strdup(uri);
	if (!v->uri)
		abort();
	/* keep the first connection open: the test driver's state ends with its last connection */
	if (virt_call(v, "connect", NULL, nothing, NULL, e))
		return -1;
	v->reached = true;
	*ret_virt = steal(v);
	return 0;
}

void virt_close(struct virt *v)
{
	struct quiet quiet;

	if (!v)
		return;
	begin_quiet(&quiet);
	while (v->idle_count)
		virConnectClose(v->idle[--v->idle_count]);
	end_quiet(&quiet);
	pthread_cond_destroy(&v->returned);
	pthread_mutex_destroy(&v->lock);
	free(v->uri);
	free(v);
}

static int version(virConnectPtr c, void *arg, struct fail *e)
{
	char *text = arg;
	unsigned long library, daemon;

	if (virGetVersion(&library, NULL, NULL) < 0 || virConnectGetLibVersion(c, &daemon) < 0)
		return fail_virt(e, "version");
	snprintf(text, 32, "%lu.%lu.%lu", library / 1000000, library / 1000 % 1000, library % 1000);
	if (daemon != library)
		snprintf(text + strlen(text), 32 - strlen(text), ", daemon %lu.%lu.%lu", daemon / 1000000,
			 daemon / 1000 % 1000, daemon % 1000);
	return 0;
}

int virt_version(struct virt *v, char ret_text[32], struct fail *e)
{
	return virt_call(v, "version", NULL, version, ret_text, e);
}

static int hypervisor_version(virConnectPtr c, void *arg, struct fail *e)
{
	unsigned long number;

	if (virConnectGetVersion(c, &number) < 0)
		return fail_virt(e, "version of the hypervisor");
	snprintf(arg, 32, "%lu.%lu.%lu", number / 1000000, number / 1000 % 1000, number % 1000);
	return 0;
}

int virt_hypervisor_version(struct virt *v, char ret_text[32], struct fail *e)
{
	return virt_call(v, "version of the hypervisor", NULL, hypervisor_version, ret_text, e);
}

/* --- tags --- */

xmlDocPtr virt_xml(const char *xml)
{
	return xmlReadMemory(xml, (int)strlen(xml), "description", NULL,
			     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

const char *virt_attribute(xmlNodePtr node, const char *name, struct arena *a)
{
	xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
	const char *copy = arena_strdup(a, (const char *)value);

	xmlFree(value);
	return copy;
}

void virt_tag(xmlDocPtr doc, struct arena *a, struct virt_tag *ret_tag)
{
	xmlNodePtr root = xmlDocGetRootElement(doc), node, tag;

	*ret_tag = (struct virt_tag){ .type = virt_attribute(root, "type", a) };
	for (node = root->children; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, "metadata") != 0)
			continue;
		for (tag = node->children; tag; tag = tag->next) {
			if (tag->type != XML_ELEMENT_NODE || strcmp((const char *)tag->name, "lab") != 0 || !tag->ns ||
			    strcmp((const char *)tag->ns->href, VIRT_TAG_URI) != 0)
				continue;
			ret_tag->lab_uuid = virt_attribute(tag, "uuid", a);
			ret_tag->lab = virt_attribute(tag, "name", a);
			ret_tag->node = virt_attribute(tag, "node", a);
			ret_tag->state = virt_attribute(tag, "state", a);
		}
	}
}

bool virt_read_tag(const char *xml, struct arena *a, struct virt_tag *ret_tag)
{
	auto_(xmlFreeDoc) xmlDocPtr doc = virt_xml(xml);

	*ret_tag = (struct virt_tag){ 0 };
	if (doc)
		virt_tag(doc, a, ret_tag);
	return ret_tag->lab_uuid != NULL;
}

int virt_foreign(const char *kind, const char *name, const char *lab, const char *state, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf quoted = { 0 };

	if (!state) {
		fail(e, FAIL_CONFLICT, "%s '%s' belongs to a lab '%s' of another state directory", kind, name, lab);
		return fail_next(e, "LABCTL_STATE=DIRECTORY labctl -l %s status, with the directory that it was made with; or another "
				 "name for this one: -l NAME", lab);
	}
	fail(e, FAIL_CONFLICT, "%s '%s' belongs to lab '%s' of the state directory %s", kind, name, lab, state);
	quote_add(&quoted, QUOTE_SH, state);
	return fail_next(e, "LABCTL_STATE=%s labctl -l %s status; or another name for this one: -l NAME", strbuf_text(&quoted), lab);
}

int virt_owner(const char *kind, const struct virt_object *o, const char *xml, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct virt_tag tag;

	if (virt_read_tag(xml, a, &tag))
		return strcmp(tag.lab_uuid, o->lab_uuid) == 0 ? VIRT_OURS
			: virt_foreign(kind, o->name, tag.lab ? tag.lab : "", tag.state, e);
	return fail(e, FAIL_CONFLICT, "%s '%s' exists and was not made by labctl", kind, o->name);
}
