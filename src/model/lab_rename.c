/* SPDX-License-Identifier: PostgreSQL */
/* A second lab like one that exists. */
#include <string.h>

#include "lab_source.h"

/* Addresses change; names stay. So nothing that a server has in its catalogs may be an address. */
static int check_names(const struct lab *has, struct fail *e)
{
	if (has->cluster.recipe && has->cluster.by_ip)
		return fail(e, FAIL_CONFLICT, "the servers of lab '%s' know each other by address (cluster.address: ip), "
			    "and a second lab has other ones", has->name);
	if (strstr(has->net.hostname, "@{ip") || strstr(has->net.hostname, "@{octet"))
		return fail(e, FAIL_CONFLICT, "the host names of lab '%s' are made of addresses (network.hostname: %s), "
			    "and a second lab has other ones", has->name, has->net.hostname);
	if (lab_boots_disk(has))
		return fail(e, FAIL_CONFLICT, "the machines of lab '%s' boot from disks of their own (image: %s): labctl cannot give "
			    "these other addresses before they boot, as it can with images that it builds", has->name, has->image);
	return 0;
}

int lab_rename(const struct lab *has, const char *name, const char *state_dir, struct lab **ret, struct fail *e)
{
	const struct lab_options o = { .state_dir = state_dir };
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct lab as = *has;

	if (check_names(has, e) < 0)
		return -1;
	as.name = name;
	as.net.subnet = as.net.gateway = 0;
	as.net.prefix_len = 0;
	as.data.export_root = NULL;
	as.ttl = NULL;
	as.autostart = false;
	lab_print(&as, &text);
	return lab_parse(text.text, text.len, has->file, &o, ret, e);
}
