/* SPDX-License-Identifier: PostgreSQL */
/*
 * The cable of a network interface. A machine has a link state that libvirt changes. libvirt cannot change devices of running containers: there
 * the host's end of the pair is switched off, so that the container's end has no carrier.
 */
#include <libxml/tree.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "virt_call.h"

DEFINE_AUTO(xmlBufferPtr, xmlBufferFree)

/* libvirt's own description of an interface, with another link: no other change of a running interface is meant. */
static int set_link(virDomainPtr domain, xmlNodePtr interface, bool up, struct virt_object *o, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(xmlBufferFree) xmlBufferPtr text = xmlBufferCreate();
	xmlNodePtr link = virt_child(interface, "link");
	const char *state = link ? virt_attribute(link, "state", a) : NULL;

	if (up == !(state && !strcmp(state, "down")))
		return 0;
	if (!link)
		link = xmlNewChild(interface, NULL, (const xmlChar *)"link", NULL);
	if (!text || !link || !xmlSetProp(link, (const xmlChar *)"state", (const xmlChar *)(up ? "up" : "down")) ||
	    xmlNodeDump(text, interface->doc, interface, 0, 0) < 0)
		return fail(e, FAIL_HOST, "out of memory");
	if (virDomainUpdateDeviceFlags(domain, (const char *)xmlBufferContent(text), VIR_DOMAIN_AFFECT_LIVE) < 0)
		return fail_virt(e, "domain '%s': the link of its network interface", o->name);
	o->changed = true;
	return 0;
}

static int set_pair(xmlNodePtr interface, bool up, struct virt_object *o, struct fail *e)
{
	auto_(close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	auto_(arena_free) struct arena *a = arena_new();
	struct ifreq link = { 0 };
	xmlNodePtr target = virt_child(interface, "target");
	const char *name = target ? virt_attribute(target, "dev", a) : NULL;

	if (!name || strlen(name) >= sizeof(link.ifr_name))
		return fail(e, FAIL_VIRT, "domain '%s': its network interface has no name", o->name);
	memcpy(link.ifr_name, name, strlen(name));
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &link) < 0)
		return fail_errno(e, FAIL_HOST, "the interface %s of domain '%s'", name, o->name);
	if (up == (bool)(link.ifr_flags & IFF_UP))
		return 0;
	link.ifr_flags ^= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &link) < 0)
		return fail_errno(e, FAIL_HOST, "switch the interface %s of domain '%s' %s", name, o->name, up ? "on" : "off");
	o->changed = true;
	return 0;
}

int virt_cable(virDomainPtr domain, bool up, struct virt_object *o, struct fail *e)
{
	auto_(free) char *type = virDomainGetOSType(domain), *xml = virDomainGetXMLDesc(domain, 0);
	auto_(xmlFreeDoc) xmlDocPtr doc = xml ? virt_xml(xml) : NULL;
	bool container = type && !strcmp(type, "exe");
	xmlNodePtr devices, n;

	if (!doc)
		return fail_virt(e, "domain '%s': description", o->name);
	devices = virt_child(xmlDocGetRootElement(doc), "devices");
	for (n = devices ? devices->children : NULL; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, "interface") &&
		    (container ? set_pair(n, up, o, e) : set_link(domain, n, up, o, e)) < 0)
			return -1;
	return 0;
}
