/* SPDX-License-Identifier: PostgreSQL */
/* What became of the load of `fault run`, as lines and as JSON. */
#ifndef LABCTL_CLI_COMMANDS_FAULT_LOAD_H
#define LABCTL_CLI_COMMANDS_FAULT_LOAD_H

#include <jansson.h>

#include "outage.h"
#include "rows.h"

void load_say(const struct outage *o, const struct rows_check *k);
/* A new object (docs/format/scenario.md); @fault_ms and @end_ms since the start of the load. */
json_t *load_json(const struct tx *all, unsigned count, int64_t fault_ms, int64_t end_ms, const struct outage *o,
		  const struct rows_check *k);

#endif
