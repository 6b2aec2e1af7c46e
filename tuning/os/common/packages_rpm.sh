# shellcheck shell=bash disable=SC2154,SC2086  # packages: words, lists.sh
# SPDX-License-Identifier: PostgreSQL
# Reports packages that the image lacks; nothing is installed over a network.

check_packages() {
    local line missing=''
    type -P rpm >/dev/null || { skipped "packages: this image has no rpm"; return; }
    while read -r line; do
        [[ $line == *"is not installed" ]] || continue
        line=${line#package }
        missing+=" ${line%% *}"
    done < <(exec rpm -q --qf '' $packages 2>/dev/null </dev/null)
    [[ -z $missing ]] || skipped "packages: not in the image:$missing"
}
check_packages
