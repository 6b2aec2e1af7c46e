/* SPDX-License-Identifier: PostgreSQL */
/* The table of verbs: what each row of a plan does. */
#include "verbs.h"

const verb_fn verbs[VERB_COUNT] = {
	[VERB_JOIN] = verb_join,
	/* host, verbs_host.c */
	[VERB_LAB_PREPARE] = verb_lab_prepare,
	[VERB_LAB_RECORD] = verb_lab_record,
	[VERB_LAB_FILES] = verb_lab_files, /* verbs_files.c */
	[VERB_IMAGE_BUILD] = verb_image_build,
	[VERB_NET_CREATE] = verb_net_create,
	[VERB_DATA_CREATE] = verb_data_create,
	[VERB_NFS_SERVE] = verb_nfs_serve,
	/* machines, verbs_node.c */
	[VERB_NODE_DISK] = verb_node_disk,
	[VERB_NODE_START] = verb_node_start,
	[VERB_NODE_READY] = verb_node_ready,
	/* on nodes, verbs_script.c and verbs_bootstrap.c */
	[VERB_NODE_SCRIPT] = verb_node_script,
	[VERB_NODE_SQL] = verb_node_sql,
	[VERB_SOURCE_BUILD] = verb_source_build,
	[VERB_SOURCE_INSTALL] = verb_source_install,
	/* away with it, verbs_destroy.c */
	[VERB_NODE_STOP] = verb_node_stop,
	[VERB_NODE_REMOVE] = verb_node_remove,
	[VERB_NFS_STOP] = verb_nfs_stop,
	[VERB_NET_REMOVE] = verb_net_remove,
	[VERB_DATA_REMOVE] = verb_data_remove,
	[VERB_LAB_REMOVE] = verb_lab_remove,
};

int verb_join(struct run *r, enum step_state *ret_state, struct fail *e)
{
	(void)r;
	(void)e;
	*ret_state = STEP_DONE;
	return 0;
}
