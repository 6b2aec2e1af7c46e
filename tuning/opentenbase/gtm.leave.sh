# SPDX-License-Identifier: PostgreSQL
# A GTM that works gives its role away: it ends by itself, and never serves again.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin
out=/run/labctl/@{nodename:sh}.leave

[[ -e $dir/gtm.conf ]] || exit 0
if [[ ! -e $dir/labctl.fenced ]]; then
    printf '' >"$dir/labctl.fenced" || die "cannot write $dir/labctl.fenced"
    changed "the old GTM can no longer start"
fi
if processes gtm "$dir"; then
    mkdir -p /run/labctl
    as "$user" "$bin/gtm_ctl" stop -Z gtm -D "$dir" -m fast -W >"$out" 2>&1
    if ! wait_for 20 gone gtm "$dir"; then
        processes gtm "$dir" && kill -9 $pids
        wait_for 5 gone gtm "$dir" || die "cannot stop the old GTM"
    fi
    changed "stopped the old GTM"
fi
retire_role gtm
