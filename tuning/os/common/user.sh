# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Creates the operating-system user of the cluster's daemons (the walk-through: useradd pgxc). The scripts that fill the
# daemons' directories set their owner.

make_user() {
    local user=$1 name
    [[ -n $user && $user != root ]] || return
    while IFS=: read -r name _; do
        [[ $name == "$user" ]] && return
    done </etc/passwd
    # All families create a group of the same name by default; el5 has no option for it.
    useradd --create-home --shell /bin/bash -- "$user" 2>/run/labctl/useradd </dev/null ||
        { evidence /run/labctl/useradd; die "cannot create the user $user"; }
    changed "user $user"
}
@{if user}
make_user @{user:sh}
@{end}
