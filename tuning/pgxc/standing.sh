# SPDX-License-Identifier: PostgreSQL
# Before a takeover: what the GTM or its standby on this node is, for struct standing (plan.h). Changes nothing.

dir=@{dir:sh} port=@{port:sh} gtm_ip=@{gtm.ip:sh}

[[ -e $dir/gtm.conf && ! -e $dir/labctl.fenced ]] || exit 0
part=none
running() { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }
{ read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid" 2>/dev/null
if grep -q '^startup = STANDBY' "$dir/gtm.conf"; then
    echo "::value answers 1"                  # running or not: the GTM starts in its directory
    echo "::value recovers 1"
    ! { running && called "$gtm_ip" "$port"; } || echo "::value streams 1"
elif running && listening "$port" && [[ $part == 1 ]]; then
    echo "::value answers 1"
fi
