/* SPDX-License-Identifier: PostgreSQL */
/* An outage as JSON: in the document of `fault run`, and in the files of a run. */
#include "outage.h"

json_t *outage_json(const struct outage *o)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:b, s:f}", "before_tps", o->before_tps, "before_p99_ms", o->before_p99_ms,
			 "after_p99_ms", o->after_p99_ms, "error_s", (double)o->error_ms / 1000, "gap_s", (double)o->gap_ms / 1000, "gap_at_s",
			 (double)o->gap_at_ms / 1000, "dropped", o->dropped, "recovered_s", (double)o->recovered_ms / 1000);
}

json_t *rows_check_json(const struct rows_check *k, bool checked)
{
	json_t *o = json_pack("{s:i, s:i, s:i, s:i}", "committed", (int)k->by_outcome[TX_COMMITTED], "failed", (int)k->by_outcome[TX_FAILED],
			      "doubtful", (int)k->by_outcome[TX_DOUBTFUL], "refused", (int)k->by_outcome[TX_REFUSED]);

	if (checked) {
		json_object_set_new(o, "doubtful_there", json_integer(k->doubtful_there));
		json_object_set_new(o, "failed_there", json_integer(k->failed_there));
		json_object_set_new(o, "lost", json_integer(k->lost));
		json_object_set_new(o, "torn", json_integer(k->torn));
	}
	return o;
}
