# SPDX-License-Identifier: PostgreSQL
# Before a takeover: what the GTM or its standby on this node is, for struct standing (plan.h). Changes nothing. A standby that
# never had the state of the GTM would be promoted with an empty one.

dir=@{dir:sh} port=@{port:sh} gtm_ip=@{gtm.ip:sh} gtm_port=@{gtm.port:sh}

[[ -e $dir/gtm.conf && ! -e $dir/labctl.fenced ]] || exit 0
part=none
pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir" && listening "$port" || exit 0
{ read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid" 2>/dev/null
if grep -q '^startup = STANDBY' "$dir/gtm.conf"; then
    [[ -e $dir/labctl.follows ]] || exit 0
    echo "::value answers 1"
    echo "::value recovers 1"
    ! connected "$gtm_ip" "$gtm_port" || echo "::value streams 1"
elif [[ $part == 1 ]]; then
    echo "::value answers 1"
fi
