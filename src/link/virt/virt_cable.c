/* SPDX-License-Identifier: PostgreSQL */
/*
 * The cable of a network interface. A machine has a link state that libvirt changes. libvirt cannot change devices of running containers: there
 * the host's end of the pair is switched off, so that the container's end has no carrier.
 */
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "virt_call.h"

/* The next element of this name in libvirt's XML, from its "<" to its end: "<link .../>", "<interface ...>...</interface>". */
static const char *element(const char *xml, const char *name, const char *end, size_t *ret_len)
{
	const char *at = strstr(xml, name), *last = at ? strstr(at, end) : NULL;

	*ret_len = last ? (size_t)(last - at) + strlen(end) : 0;
	return last ? at : NULL;
}

static int set_link(virDomainPtr domain, const char *interface, size_t len, bool up, struct virt_object *o, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf one = { 0 }, text = { 0 };
	const char *link;
	size_t link_len;

	strbuf_add(&one, interface, len - strlen("</interface>"));
	link = element(strbuf_text(&one), "<link state=", "/>", &link_len);
	if (up == !(link && strstr(link, "'down'")))
		return 0;
	if (link) {
		strbuf_add(&text, one.text, (size_t)(link - one.text));
		strbuf_str(&text, link + link_len);
	} else {
		strbuf_str(&text, one.text);
	}
	strbuf_printf(&text, "<link state='%s'/></interface>", up ? "up" : "down");
	if (virDomainUpdateDeviceFlags(domain, strbuf_text(&text), VIR_DOMAIN_AFFECT_LIVE) < 0)
		return fail_virt(e, "domain '%s': the link of its network interface", o->name);
	o->changed = true;
	return 0;
}

static int set_pair(const char *interface, size_t len, bool up, struct virt_object *o, struct fail *e)
{
	auto_(close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq link = { 0 };
	auto_(strbuf_clear) struct strbuf one = { 0 };
	const char *target;

	strbuf_add(&one, interface, len);
	target = strstr(strbuf_text(&one), "<target dev='");
	if (!target || sscanf(target, "<target dev='%15[^']'", link.ifr_name) != 1)
		return fail(e, FAIL_VIRT, "domain '%s': its network interface has no name", o->name);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &link) < 0)
		return fail_errno(e, FAIL_HOST, "the interface %s of domain '%s'", link.ifr_name, o->name);
	if (up == (bool)(link.ifr_flags & IFF_UP))
		return 0;
	link.ifr_flags ^= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &link) < 0)
		return fail_errno(e, FAIL_HOST, "switch the interface %s of domain '%s' %s", link.ifr_name, o->name, up ? "on" : "off");
	o->changed = true;
	return 0;
}

int virt_cable(virDomainPtr domain, bool up, struct virt_object *o, struct fail *e)
{
	auto_(free) char *type = virDomainGetOSType(domain), *xml = virDomainGetXMLDesc(domain, 0);
	bool container = type && !strcmp(type, "exe");
	const char *at = xml;
	size_t len;

	if (!xml)
		return fail_virt(e, "domain '%s': description", o->name);
	for (; (at = element(at, "<interface ", "</interface>", &len)); at += len)
		if ((container ? set_pair(at, len, up, o, e) : set_link(domain, at, len, up, o, e)) < 0)
			return -1;
	return 0;
}
