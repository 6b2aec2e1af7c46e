/* SPDX-License-Identifier: PostgreSQL */
/*
 * sysbench 1.0 of Debian, in a closed loop. libpq gets our whole connection string in place of the database's name, which works
 * if sysbench's own defaults for host, port, user and password are made empty. The Lua scripts in tuning/bench write a log of
 * every transaction: sysbench's own percentiles come from a histogram of 1,024 buckets.
 */
#include <inttypes.h>
#include <string.h>

#include "driver.h"
#include "quote.h"

/* A seed of 0 is the time of day; the option is an int. */
static unsigned seed(uint64_t of)
{
	return (unsigned)(of % INT32_MAX) + 1;
}

static void command(const struct drive *d, struct strbuf *out)
{
	strbuf_printf(out, "LABCTL_DRIVE=%u sysbench --db-driver=pgsql --pgsql-host= --pgsql-port= --pgsql-user= --pgsql-password= "
			   "--threads=%u --time=%u --events=0 --report-interval=1 --rand-seed=%u --tables=1 --table-size=%u --db-ps-mode=%s ",
		      d->number, d->clients, d->seconds, seed(d->seed), 100000 * d->scale,
		      d->protocol == PROTOCOL_SIMPLE ? "disable" : "auto");
	strbuf_str(out, "--pgsql-db=");
	quote_add(out, QUOTE_SH, d->conninfo);
	strbuf_printf(out, " ./%s run >out.%u 2>err.%u", d->script, d->number, d->number);
}

const struct driver driver_sysbench = {
	.name = "sysbench", .program = "sysbench", .package = "sysbench", .command = command, .log_pattern = "log.*",
	.error = "FATAL: ",
};

const struct driver *driver_find(const char *name)
{
	return name && !strcmp(name, driver_sysbench.name) ? &driver_sysbench : &driver_pgbench;
}
