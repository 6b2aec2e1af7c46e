# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Sets the keys of labctl's sysctl file now; at boot, the system does it. Writes to /proc/sys, without a fork, and reports
# a key that cannot be set instead of failing.

# kernel_absent KEY CONTAINER: sets why to the reason that there is no such key here.
kernel_absent() {
    case $1 in
    net.ipv4.tcp_tw_recycle)   why="removed in Linux 4.12 (it broke clients behind NAT)";;
    net.ipv4.ip_conntrack_max) why="the name is now net.netfilter.nf_conntrack_max";;
    net.*) why="no such key in this kernel"
        (( ! $2 )) || why="belongs to the host, or this kernel has no such key";;
    *)     why="no such key in this kernel";;
    esac
}

# Keys that belong to a container with its own namespaces; all others are the host's. netdev_max_backlog exists only in
# the host's network namespace: if it is there, the container has no network namespace of its own.
kernel_own() {
    case $1 in
    kernel.msg* | kernel.shm* | kernel.sem) return 0;;
    net.*) [[ ! -e /proc/sys/net/core/netdev_max_backlog ]];;
    *)     return 1;;
    esac
}

# kernel_read PATH: sets now to the value, with single blanks.
kernel_read() {
    local words
    now=
    { read -r -a words <"$1"; } 2>/dev/null || [[ -n ${words[*]-} ]] || return 1
    now=${words[*]}
}

tune_kernel() {
    local line key path now before why wanted container=0
    in_container && container=1
    set -f                          # split values into words without expanding * and ?
    while IFS= read -r line || [[ -n $line ]]; do
        [[ $line == *=* && $line != [#\;]* ]] || continue
        key=${line%%=*}
        key=${key//[[:blank:]]/}
        set -- ${line#*=}
        wanted=$*
        path=/proc/sys/${key//.//}
        if [[ ! -e $path ]]; then
            kernel_absent "$key" $container
            skipped "sysctl $key: $why"
            continue
        fi
        kernel_read "$path" && [[ $now == "$wanted" ]] && continue
        before=$now
        if (( container )) && ! kernel_own "$key"; then
            skipped "sysctl $key: belongs to the host (value ${now:-unreadable})"
        elif [[ ! -w $path ]]; then
            why=here
            (( ! container )) || why="in this container"
            skipped "sysctl $key: read-only $why (value ${now:-unreadable})"
        elif ! { printf '%s\n' "$wanted" >"$path"; } 2>/dev/null; then
            skipped "sysctl $key: the kernel rejects $wanted (value ${now:-unreadable})"
        elif kernel_read "$path" && [[ $now != "$wanted" ]]; then
            skipped "sysctl $key: the kernel set $now instead of $wanted"
        else
            changed "sysctl $key = $wanted (was $before)"
        fi
    done <@{family.sysctl_conf:sh}
    set +f
}
tune_kernel
