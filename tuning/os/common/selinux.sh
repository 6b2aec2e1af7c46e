# shellcheck shell=bash disable=SC2154  # selinux: settings.sh
# SPDX-License-Identifier: PostgreSQL
# Sets the mode of SELinux, if the system has it.

set_selinux() {
    local file=/etc/selinux/config line text='' now at
    [[ -f $file ]] || return
    while IFS= read -r line || [[ -n $line ]]; do
        [[ $line == SELINUX=* ]] && line=SELINUX=$selinux
        text+=$line$'\n'
    done <"$file"
    put "$file" 0644 root:root "$text"
    # SELinux can be disabled only at the next boot; until then make it permissive.
    for at in /sys/fs/selinux/enforce /selinux/enforce; do
        if ! in_container && { read -r now <"$at"; } 2>/dev/null && [[ $now == 1 ]]; then
            { printf 0 >"$at"; } 2>/dev/null && changed "SELinux: permissive now"
        fi
    done
}
set_selinux
