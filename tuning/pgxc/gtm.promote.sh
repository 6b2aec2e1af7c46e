# SPDX-License-Identifier: PostgreSQL
# Makes the directory of the standby that of the GTM. Not by gtm_ctl promote: that GTM lacks the sequences and the newest
# transaction numbers, and crashes when a standby joins. gtm.start.sh starts it like a GTM that was not stopped cleanly: above
# the numbers that the nodes have seen; then sequences.sh compares all sequences with the catalogs and the rows.

dir=@{dir:sh}
[[ -e $dir/gtm.conf ]] || die "there is no GTM standby in $dir"
grep -q '^startup = STANDBY' "$dir/gtm.conf" || exit 0
printf '' >"$dir/labctl.unclean" || die "cannot write $dir/labctl.unclean"
retire_role gtm_standby
if processes gtm "$dir"; then
    kill -9 $pids                             # has no state, and would wait for the GTM forever
    wait_for 5 gone gtm "$dir" || die "cannot stop the GTM standby"
fi
rm -f -- "$dir/gtm.pid" "$dir/gtm.control" "$dir/register.node" || die "cannot write $dir"
changed "the standby's directory is the GTM's"
