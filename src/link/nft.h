/* SPDX-License-Identifier: PostgreSQL */
/* The program nft, and the link that its rules are about. Needs root. Thread-safe. */
#ifndef LABCTL_LINK_NFT_H
#define LABCTL_LINK_NFT_H

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

/* Applies @text, all of it or nothing. FAIL_HOST: nft is missing; FAIL_OTHER: it refuses @text, with its words. */
int nft_apply(const char *text, int64_t deadline_ms, struct fail *e);
/* Has the set @set of the table @table of the bridge family an element left? False also if nobody can say. */
bool nft_set_has_elements(const char *table, const char *set);
/* The address of a link, "52:54:00:...". FAIL_NOT_FOUND when there is none of that name. */
int nft_link_mac(const char *link, char ret[18], struct fail *e);

#endif
