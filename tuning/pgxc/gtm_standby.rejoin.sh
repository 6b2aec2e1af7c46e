# SPDX-License-Identifier: PostgreSQL
# Removes the directory of an old GTM, of which another one took over: gtm_standby.init.sh makes a new one. A standby that
# starts in an old directory brings the GTM to a halt.

dir=@{dir:sh}
[[ -e $dir/labctl.fenced ]] || exit 0
if processes gtm "$dir"; then
    kill -9 $pids
    wait_for 5 gone gtm "$dir" || die "cannot stop the old GTM"
fi
retire_role gtm
rm -rf -- "$dir" || die "cannot remove $dir"
changed "removed $dir, the old GTM's"
