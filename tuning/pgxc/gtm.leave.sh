# SPDX-License-Identifier: PostgreSQL
# A GTM that works gives its role away: the coordinators must be closed first.

dir=@{dir:sh}
[[ ! -e $dir/gtm.conf ]] || grep -q '^startup = STANDBY' "$dir/gtm.conf" || echo "::value unclean 1"
