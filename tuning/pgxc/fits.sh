# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Can the software in the archive open the databases of this node? pg_control has the version of its layout and that of the
# catalog, 8 bytes behind the identifier of the database; a server refuses every other one, and no program converts them.
# In: $tar, $tree (pattern of the installed tree in it), $mount (data directory of the node), $again (the command that names another
# archive).

fits() {
    local part new old file
    part=$(tar -tf "$tar" | grep -m 1 -x -- "$tree/")
    new=$(tar -xOf "$tar" "${part}share/labctl.data/global/pg_control" 2>/dev/null | od -An -tu4 -j8 -N8)
    [[ -n $new ]] || return 0
    for file in "$mount"/*/global/pg_control; do
        [[ -e $file ]] || continue
        old=$(od -An -tu4 -j8 -N8 -- "$file")
        [[ $old != "$new" ]] || continue
        printf '::evidence %s\n' "${file%/global/pg_control}: layout and catalog $old" "archive: layout and catalog $new"
        echo "::fail the database in ${file%/global/pg_control} is of another release: this one cannot open it, and no program converts it"
        echo "::next $again    (the release that made it, or one of its series); or pg_dumpall into a new lab"
        return 1
    done
}
