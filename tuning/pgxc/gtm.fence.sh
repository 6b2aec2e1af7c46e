# SPDX-License-Identifier: PostgreSQL
# Ends an old GTM, from which its standby takes over: it never serves again. Nothing that it knows is needed, since the new one
# asks the nodes; rejoin makes a new directory.

dir=@{dir:sh}
[[ -e $dir/gtm.conf ]] || exit 0
if [[ ! -e $dir/labctl.fenced ]]; then
    printf '' >"$dir/labctl.fenced" || die "cannot write $dir/labctl.fenced"
    changed "the old GTM can no longer start"
fi
if processes gtm "$dir"; then
    kill -9 $pids
    wait_for 5 gone gtm "$dir" || die "cannot stop the old GTM"
    changed "stopped the old GTM"
fi
retire_role gtm
