# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Can the software in the archive open the databases of this node? pg_control has the version of its layout and that of the
# catalog, 8 bytes behind the identifier of the database; a server refuses every other one, and no program converts them.
# A GTM has no catalog: it stays with the series of the software that is installed.
# In: $tar, $tree (pattern of the installed tree in it), $link (the installed tree), $mount (data directory of the node), $again (the
# command that names another archive).

fits() {
    local part new old file
    part=$(tar -tf "$tar" | grep -m 1 -x -- "$tree/")
    new=$(tar -xOf "$tar" "${part}share/labctl.data/global/pg_control" 2>/dev/null | od -An -tu4 -j8 -N8)
    [[ -n $new ]] || return 0
    while IFS= read -r -d '' file; do
        [[ $file == */global/pg_control ]] || file=$link/share/labctl.data/global/pg_control
        [[ -e $file ]] || continue
        old=$(od -An -tu4 -j8 -N8 -- "$file")
        [[ $old != "$new" ]] || continue
        printf '::evidence %s\n' "${file%/global/pg_control}: layout and catalog $old" "archive: layout and catalog $new"
        echo "::fail the databases of this lab are of another release: this one cannot open them, and no program converts them"
        echo "::next $again    (the release that made them, or one of its series); or pg_dumpall into a new lab"
        return 1
    done < <(find "$mount" -maxdepth 6 \( -path '*/global/pg_control' -o -name gtm.conf -o -name gtm_proxy.conf \) -print0)
}
