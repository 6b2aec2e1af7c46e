/* SPDX-License-Identifier: PostgreSQL */
/*
 * The packet filter of a lab's faults, as text for `nft -f`. Pure. One table of the bridge family, named like the lab's bridge,
 * with a set per fault: "f3". Its elements have timeouts, so that the kernel itself ends a fault when labctl is gone.
 */
#ifndef LABCTL_PLAN_FAULT_FILTER_H
#define LABCTL_PLAN_FAULT_FILTER_H

#include "fault.h"
#include "strbuf.h"

/*
 * Appends text that replaces the table by one with those of @faults that act on frames and are not over at @now_ms (since the
 * epoch), or removes it and returns false if there is none. @host: only what acts on that host of the lab (fault_is_on()); @bridge_mac is its own
 * address on the bridge.
 */
bool fault_filter(const struct lab *lab, const struct fault *faults, unsigned count, unsigned host, const char *bridge_mac, int64_t now_ms,
		  struct strbuf *out);
/*
 * Text that replaces the table by one that drops what nodes ask the NFS server; its answers, and that they arrived, pass. The kernel ends it after
 * @seconds; fault_filter() removes it.
 */
void fault_filter_drain(const struct lab *lab, unsigned seconds, struct strbuf *out);

#endif
