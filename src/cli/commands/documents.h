/* SPDX-License-Identifier: PostgreSQL */
/*
 * The documents of commands (--json) that `labctl collect` puts into its archive, too. New references; NULL with the
 * failure in @e.
 */
#ifndef LABCTL_CLI_DOCUMENTS_H
#define LABCTL_CLI_DOCUMENTS_H

#include "cli.h"

json_t *doctor_document(struct cli *c); /* never NULL; "fit" says whether the host can run labs */
json_t *hosts_document(struct cli *c, const struct lab *lab); /* of `host check`; never NULL */
json_t *config_document(struct cli *c, struct fail *e);
/* Only runs that began at @since_ms or later. */
json_t *audit_document(const struct lab *lab, const struct paths *paths, int64_t since_ms, struct arena *a, struct fail *e);
/* With the member "error" if a role is not up. */
json_t *status_document(struct cli *c, const struct lab *lab, struct runtime *rt, struct fail *e);

#endif
