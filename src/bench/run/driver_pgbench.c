/* SPDX-License-Identifier: PostgreSQL */
/* pgbench of Debian's PostgreSQL. It measures latencies of scheduled transactions (-R) from their scheduled start. */
#include <inttypes.h>

#include "driver.h"
#include "quote.h"

static void command(const struct drive *d, struct strbuf *out)
{
	strbuf_printf(out, "pgbench -n -M %s -c %u -j %u -T %u --random-seed=%" PRIu64 " -l --log-prefix=log.%u -D scale=%u",
		      bench_protocol_names[d->protocol], d->clients, d->threads, d->seconds, d->seed, d->number, d->scale);
	if (d->rate_tps > 0)
		strbuf_printf(out, " -R %.3f", d->rate_tps);
	strbuf_printf(out, " -f %s ", d->script);
	quote_add(out, QUOTE_SH, d->conninfo);
	strbuf_printf(out, " >out.%u 2>err.%u", d->number, d->number);
}

const struct driver driver_pgbench = {
	.name = "pgbench", .program = "pgbench", .package = "postgresql", .command = command, .log_pattern = "log.*", .error = "error: ",
	.refused = "could not create connection", .lost = "perhaps the backend died",
};
