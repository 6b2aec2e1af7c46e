# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Checks that libvirt mounted the container's data directory. Otherwise data would go to the node's root file system.

check_data() {
    local dir=@{data.mount:sh} mount
    mounted "$dir" || die "$dir is not mounted: the container was started without its data directory"
    [[ -w $dir ]] || die "$dir is read-only"
}
check_data
