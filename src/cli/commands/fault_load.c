/* SPDX-License-Identifier: PostgreSQL */
#include "fault_load.h"

#include "cli.h"

/* Committed and other transactions, and the longest, of every second. */
static json_t *seconds_json(const struct tx *all, unsigned count, int64_t end_ms)
{
	json_t *list = json_array();
	unsigned i = 0;

	for (int64_t second = 0; second * 1000 < end_ms || i < count; second++) { /* the last one may end a moment later */
		int committed = 0, others = 0, longest = 0;

		for (; i < count && all[i].ended_ms < (second + 1) * 1000; i++) {
			int took = (int)(all[i].ended_ms - all[i].begun_ms);

			committed += all[i].outcome == TX_COMMITTED;
			others += all[i].outcome != TX_COMMITTED;
			longest = took > longest ? took : longest;
		}
		json_array_append_new(list, json_pack("{s:i, s:i, s:i, s:i}", "second", (int)second, "committed", committed, "others", others,
						      "longest_ms", longest));
	}
	return list;
}

static void say_outage(const struct outage *o)
{
	report_say("before     %.1f transactions/s, 99 %% within %.0f ms\n", o->before_tps, o->before_p99_ms);
	if (o->error_ms >= 0)
		report_say("error      the first one %.1f s after the fault\n", (double)o->error_ms / 1000);
	else
		report_say("error      none\n");
	report_say("gap        %.1f s without a commit, from %.1f s after the fault on; 99 %% of the commits since then within %.0f ms\n",
		   (double)o->gap_ms / 1000, (double)o->gap_at_ms / 1000, o->after_p99_ms);
	if (!o->dropped)
		report_say("recovery   not needed: never below 90 %% of the rate, over 3 s\n");
	else if (o->recovered_ms >= 0)
		report_say("recovery   90 %% of the rate again %.1f s after the fault, over 3 s\n", (double)o->recovered_ms / 1000);
	else
		report_say("recovery   not seen: below 90 %% of the rate until the end\n");
}

static void say_rows(const struct rows_check *k)
{
	report_say("rows       %u transactions committed, %u failed, %u doubtful (%u of them are there), %u without a server\n",
		   k->by_outcome[TX_COMMITTED], k->by_outcome[TX_FAILED], k->by_outcome[TX_DOUBTFUL], k->doubtful_there,
		   k->by_outcome[TX_REFUSED]);
	report_say("           %u lost, %u there in part, %u there that had failed\n", k->lost, k->torn, k->failed_there);
}

json_t *load_json(const struct tx *all, unsigned count, int64_t fault_ms, int64_t end_ms, const struct outage *o,
			 const struct rows_check *k)
{
	return json_pack("{s:f, s:o, s:o, s:o}", "fault_s", (double)fault_ms / 1000, "outage", outage_json(o), "rows",
			 rows_check_json(k, true), "seconds", seconds_json(all, count, end_ms));
}

void load_say(const struct outage *o, const struct rows_check *k)
{
	say_outage(o);
	say_rows(k);
}
