# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Functions for the scripts that follow; none of them forks.

shopt -s nullglob
[[ -d /run/labctl && -d /var/lib/labctl ]] || mkdir -p /run/labctl /var/lib/labctl

# Is this node a container? systemd, as its first process, says so.
in_container() { [[ -e /run/systemd/container ]]; }

# mounted DIR: is a file system mounted there? Sets the array mount to its source, type and options.
mounted() {
    local source dir type options _ found=1
    while read -r source dir type options _; do
        [[ $dir == "$1" ]] || continue
        mount=("$source" "$type" "$options")        # the last one is on top
        found=0
    done </proc/self/mounts
    return $found
}
