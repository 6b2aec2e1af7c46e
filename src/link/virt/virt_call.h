/* SPDX-License-Identifier: PostgreSQL */
/*
 * Private to virt*.c: how a call gets a connection, how libvirt's last error becomes
 * a failure, and the labctl tag. No other file includes this or libvirt.h.
 */
#ifndef LABCTL_LINK_VIRT_CALL_H
#define LABCTL_LINK_VIRT_CALL_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libxml/tree.h>

#include "arena.h"
#include "auto.h"
#include "fail.h"
#include "virt.h"

#define VIRT_TAG_URI "https://labctl.invalid/lab/1"

DEFINE_AUTO(virDomainPtr, virDomainFree)
DEFINE_AUTO(virNetworkPtr, virNetworkFree)
DEFINE_AUTO(xmlDocPtr, xmlFreeDoc)

/*
 * Runs @op with a connection of its own. If that fails because the connection is dead
 * (libvirtd was restarted), runs it once more on a new one: @op must probe before it acts.
 * @what ("domain start") and @name (of the domain or network, or NULL) are for LABCTL_TRACE.
 */
int virt_call(struct virt *v, const char *what, const char *name, int (*op)(virConnectPtr c, void *arg, struct fail *e),
	      void *arg, struct fail *e);
/* The same, for a call that may take @within_ms instead of what virt_watch() was told. */
int virt_call_long(struct virt *v, const char *what, const char *name, int64_t within_ms,
		   int (*op)(virConnectPtr c, void *arg, struct fail *e), void *arg, struct fail *e);

/* A connection for the caller alone, for what takes longer than a call; he closes it. Its calls are between virt_begin() and virt_end(). */
int virt_connect(struct virt *v, virConnectPtr *ret_connection, struct fail *e);

const char *virt_uri(const struct virt *v);

/* FAIL_VIRT with libvirt's message. Call it before any cleanup: each libvirt call, even a free, resets the last error. */
__attribute__((format(printf, 2, 3), cold)) int fail_virt(struct fail *e, const char *fmt, ...);

/* A running call, for virt_watch(); on the caller's stack. virt_watch.c */
struct virt_running {
	const char *uri;
	int64_t since_ms;
	int64_t within_ms; /* 0 = as virt_watch() says */
	bool told;
	struct virt_running *next;
};
void virt_begin(struct virt_running *r, const char *uri, int64_t within_ms);
void virt_end(struct virt_running *r);

/* The code of libvirt's last error in this thread, VIR_ERR_OK when there is none. */
int virt_error(void);

/* NULL when @xml is not well-formed. The caller frees. */
xmlDocPtr virt_xml(const char *xml);
void virt_tag(xmlDocPtr doc, struct arena *a, struct virt_tag *ret_tag);

/* An attribute in @a, or NULL. */
const char *virt_attribute(xmlNodePtr node, const char *name, struct arena *a);

/* The first child element of that name, or NULL. */
xmlNodePtr virt_child(xmlNodePtr node, const char *name);

/* Makes @interface a port of the network's @bridge. virt_port.c */
void virt_port_add(const char *bridge, const char *interface);

/* The object that start and remove work on. */
struct virt_object {
	const char *name, *lab_uuid, *xml;
	bool changed;
};

/* Removes what libvirt left behind of our domain, described by @xml, which is not running. virt_left.c */
void virt_left_remove(const struct virt_object *o, const char *xml);
/* Removes the files that libvirt keeps of a domain that is gone: logs, AppArmor profile, mount points, directories. */
void virt_left_files(virConnectPtr c, const char *name, const char *uuid);

enum virt_owner { VIRT_GONE, VIRT_OURS };

/* VIRT_OURS, or -1 with FAIL_CONFLICT if @xml has another tag than @o's or none. @kind is "domain" or "network". */
int virt_owner(const char *kind, const struct virt_object *o, const char *xml, struct fail *e);
/* The same of the domain with the name of @o, which the caller frees; VIRT_GONE leaves *ret_domain alone. virt_domain.c */
int virt_find_domain(virConnectPtr c, const struct virt_object *o, virDomainPtr *ret_domain, struct fail *e);

/*
 * Has a container ended without libvirt's notice? Call it before reading the domain's state: libvirt may learn of the end in
 * between. Takes three seconds if so. virt_domain.c
 */
bool virt_domain_lost(virDomainPtr domain);
#define VIRT_LOST "dead, but libvirt still reports it as running"

/* Text for a state and reason of a libvirt domain; whether its processors run in that state. */
const char *virt_state_word(int state, int reason);
bool virt_state_runs(int state);

/* The network interfaces of a running domain lose the link, or get it back. Sets .changed. virt_cable.c. */
int virt_cable(virDomainPtr domain, bool up, struct virt_object *o, struct fail *e);

#endif
