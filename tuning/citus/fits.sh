# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Can the software in the archive open the databases of this node? Citus updates its tables to a newer version, never back.
# In: $tar, $tree (pattern of the installed tree in it), $link (the installed tree), $mount (data directory of the node), $again (the command that names another
# archive).

fits() {
    local part old new
    [[ -n $(find "$mount" -maxdepth 5 -name PG_VERSION -print -quit) ]] && read -r old _ 2>/dev/null <"$link/version" || return 0
    part=$(tar -tf "$tar" | grep -m 1 -x -- "$tree/")
    read -r new _ < <(tar -xOf "$tar" "${part}version")
    [[ -n $new && $(printf '%s\n' "$old" "$new" | sort -V | head -n 1) != "$old" ]] || return 0
    echo "::fail the databases of this node have Citus $old, and Citus cannot go back to $new"
    echo "::next $again    ($old or newer)"
    return 1
}
