# SPDX-License-Identifier: PostgreSQL
# Before a GTM starts: has it lost the last transaction numbers and the sequences, because it was killed, or because it starts in
# another directory than before? A mark says so until gtm.recovered.sh. Coordinators are closed to clients meanwhile, since
# nextval() returns 9223372036854775807, without an error, for a sequence that the GTM does not know.

dir=@{dir:sh} next_xid=@{value.next_xid:sh}
first=10000     # the first number of a GTM without a past

[[ -e $dir/gtm.conf ]] || exit 0
if [[ ! -e $dir/labctl.unclean ]] && ! { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }; then
    if gtm_was_killed "$dir" || { [[ ! -e $dir/gtm.log ]] && (( next_xid > first )); }; then
        printf '' >"$dir/labctl.unclean" || die "cannot write $dir/labctl.unclean"
    fi
fi
[[ ! -e $dir/labctl.unclean ]] || echo "::value unclean 1"
