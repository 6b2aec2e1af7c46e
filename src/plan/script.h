/* SPDX-License-Identifier: PostgreSQL */
/* Scripts for nodes: prelude (tuning/lib.sh) + `put` of files + body. Pure. */
#ifndef LABCTL_PLAN_SCRIPT_H
#define LABCTL_PLAN_SCRIPT_H

#include "lab.h"
#include "library.h"
#include "payload.h"
#include "scope.h"

/*
 * The whole operating-system tuning of one node as one script, by the rows of tuning/os/PROFILE/manifest:
 *   file SOURCE DEST MODE OWNER [if=WORD] [role=ROLE] [NAME=VALUE]     put the expanded SOURCE there
 *   script SOURCE [if=WORD] [role=ROLE] [NAME=VALUE]                   run the expanded SOURCE
 * SOURCE is relative to the profile's directory; DEST may hold template names. WORD: nfs filesystem container (or lxc)
 * machine. NAME: a template name (family.service_manager). All conditions of a row must hold. @cache is the lab's, or
 * NULL; nodes that do not differ share one payload. FAIL_OTHER names the manifest's line.
 */
int script_tuning(const struct lab *lab, const struct node *n, const struct library *lib, struct scope_cache *cache,
		  struct arena *a, const struct payload **ret_payload, struct fail *e);

/*
 * Compose: prelude, one `put` per file, body. Text in @a. A file without a final newline stays without. @exists: a path without
 * which the script does nothing; or NULL.
 */
const char *script_compose(const struct library *lib, const char *exists, const struct payload_file *files, unsigned count,
			   const char *body, struct arena *a);

#endif
