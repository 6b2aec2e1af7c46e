/* SPDX-License-Identifier: PostgreSQL */
#ifndef LABCTL_MODEL_RECIPES_PGXC_LIMITS_H
#define LABCTL_MODEL_RECIPES_PGXC_LIMITS_H

#include "recipe.h"

extern const struct limit pgxc_limits[]; /* ends with a zero row */

#endif
