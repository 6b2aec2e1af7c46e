# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Questions that the scripts after this one ask, all answered without a fork.

shopt -s nullglob
[[ -d /run/labctl && -d /var/lib/labctl ]] || mkdir -p /run/labctl /var/lib/labctl

# Is this node a container? systemd, as its first process, says so.
in_container() { [[ -e /run/systemd/container ]]; }

# Does systemd run here?
booted() { [[ -d /run/systemd/system ]]; }

# unit_known UNIT: is there such a unit, and is it not masked?
unit_known() {
    [[ ! /etc/systemd/system/$1 -ef /dev/null ]] || return 1
    [[ -e /usr/lib/systemd/system/$1 || -e /lib/systemd/system/$1 || -e /etc/systemd/system/$1 ||
        -e /run/systemd/generator.late/$1 ]]
}

# unit_enabled UNIT: does something that starts at boot want it?
unit_enabled() {
    local links=(/etc/systemd/system/*.wants/"$1" /etc/systemd/system/*.requires/"$1")
    (( ${#links[@]} ))
}

# unit_active UNIT: does it run? systemd keeps a (dangling) link per running unit.
unit_active() { [[ -L /run/systemd/units/invocation:$1 ]]; }

# mounted DIR: a file system is mounted there; its source, type and options are in the array mount.
mounted() {
    local source dir type options _ found=1
    while read -r source dir type options _; do
        [[ $dir == "$1" ]] || continue
        mount=("$source" "$type" "$options")        # the last one is on top
        found=0
    done </proc/self/mounts
    return $found
}
