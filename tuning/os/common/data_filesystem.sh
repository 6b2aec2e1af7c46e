# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The data directory of a container: libvirt hands in the host's. Without it, data would end up in the node's own tree.

check_data() {
    local dir=@{data.mount:sh} mount
    mounted "$dir" || die "$dir is not mounted: the container was started without its data directory"
    [[ -w $dir ]] || die "$dir is read-only"
}
check_data
