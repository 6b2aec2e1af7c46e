# SPDX-License-Identifier: PostgreSQL
# The sequences of a GTM that was not stopped cleanly are correct again: remove the mark that gtm.start.sh made.

dir=@{dir:sh}

if [[ -e $dir/labctl.unclean ]]; then
    rm -f -- "$dir/labctl.unclean" || die "cannot remove $dir/labctl.unclean"
    changed "the GTM has recovered from a stop that was not clean"
fi
