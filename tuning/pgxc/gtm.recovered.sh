# SPDX-License-Identifier: PostgreSQL
# The sequences of a GTM that was not stopped cleanly are correct again: remove the mark that gtm.look.sh made.

dir=@{dir:sh} restored=@{value.restored:sh}

if [[ -e $dir/labctl.unclean ]]; then
    if (( ! restored )); then
        printf '::next labctl -l %s start    (all nodes)\n' @{lab.name:sh}
        die "the GTM was not stopped cleanly and does not know its sequences; coordinators are closed to clients until it does"
    fi
    rm -f -- "$dir/labctl.unclean" || die "cannot remove $dir/labctl.unclean"
    changed "the GTM has recovered from a stop that was not clean"
fi
