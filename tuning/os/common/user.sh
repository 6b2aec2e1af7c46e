# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The operating-system user of the cluster's daemons (the walk-through: useradd pgxc). Their directories are made with the
# right owner by the scripts that fill them.

make_user() {
    local user=$1 name
    [[ -n $user && $user != root ]] || return
    while IFS=: read -r name _; do
        [[ $name == "$user" ]] && return
    done </etc/passwd
    # A group of the same name is the default of all families; el5 knows no word for it.
    useradd --create-home --shell /bin/bash -- "$user" 2>/run/labctl/useradd </dev/null ||
        { evidence /run/labctl/useradd; die "cannot make the user $user"; }
    changed "user $user"
}
@{if user}
make_user @{user:sh}
@{end}
