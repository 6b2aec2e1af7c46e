/* SPDX-License-Identifier: PostgreSQL */
/*
 * What Postgres-XC and its successors share: their roles have the same names, their programs the same options and habits. The rules
 * of a bootstrap are the rows of xc_rules.inc.
 */
#ifndef LABCTL_MODEL_RECIPES_XC_H
#define LABCTL_MODEL_RECIPES_XC_H

#include "recipe.h"

#define T "tuning/pgxc/"
#define INIT_LOG "/run/labctl/@{nodename}.init"
#define START_LOG "/run/labctl/@{nodename}.start"
/* What scripts for joining nodes and moving tables share. */
#define CLUSTER T "cluster.sh=" BOOT "@{nodename}.cluster:0600:root"
/* All roles of a node share this file. */
#define PROFILE T "profile.sh=/home/@{user}/.bash_profile:0644"

/*
 * What starts a role, and what stops it, is on the node too, for its unit at boot (start.sh). init scripts make the directory.
 */
#define BOOT "/var/lib/labctl/boot/"
#define STARTS(script) \
	" tuning/lib.sh=" BOOT "lib.sh:0600:root " T "boot.sh=" BOOT "boot:0600:root " script "=" BOOT "@{nodename}.start:0600:root " \
	T "stop.sh=" BOOT "@{nodename}.stop:0600:root"

extern const struct placement xc_placements[];
extern const struct role_set xc_role_sets[];
extern const struct rule xc_stops[], xc_status[];
extern const struct takeover xc_takeover;
/* An old GTM, in any of these systems. */
extern const struct rule xc_fence_rules[], xc_rejoin_rules[];
extern const struct fence_file xc_fence_files[];
extern const struct rule xc_create_rules[], xc_drop_rules[], xl_passwd_rules[];
extern const struct query xc_queries[];
extern const struct role_link xc_links[];
extern const struct role_log xc_logs[];
extern const struct limit xc_limits[], opentenbase_limits[];
extern const char *const xc_secrets[];

#endif
