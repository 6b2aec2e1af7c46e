# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# All of the above has been done on this disk: `labctl wait --for tuned`. What a boot needs, the system does by itself.
[[ -e /var/lib/labctl/tuned ]] || printf '' >/var/lib/labctl/tuned || die "cannot write /var/lib/labctl/tuned"
