# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The keys of labctl's own sysctl file, set now; the file sets them again at boot. Written through /proc/sys, so
# that nothing is forked and a key that cannot be had is a sentence and not an error.

# kernel_absent KEY CONTAINER: why there is no such key here, in the variable why.
kernel_absent() {
    case $1 in
    net.ipv4.tcp_tw_recycle)   why="gone since Linux 4.12 (it broke clients behind NAT)";;
    net.ipv4.ip_conntrack_max) why="today's name is net.netfilter.nf_conntrack_max";;
    net.*) why="no such key in this kernel"
        (( ! $2 )) || why="belongs to the host, or is no key of this kernel";;
    *)     why="no such key in this kernel";;
    esac
}

# Keys that a container with namespaces of its own has to itself; all others are the host's. netdev_max_backlog is
# seen only in the host's network namespace: where it is, the network is not the container's own.
kernel_own() {
    case $1 in
    kernel.msg* | kernel.shm* | kernel.sem) return 0;;
    net.*) [[ ! -e /proc/sys/net/core/netdev_max_backlog ]];;
    *)     return 1;;
    esac
}

# kernel_read PATH: the value with single blanks, in the variable now.
kernel_read() {
    local words
    now=
    { read -r -a words <"$1"; } 2>/dev/null || [[ -n ${words[*]-} ]] || return 1
    now=${words[*]}
}

tune_kernel() {
    local line key path now before why wanted container=0
    in_container && container=1
    set -f                          # values become words, not names of files
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
            skipped "sysctl $key: belongs to the host (is ${now:-unreadable})"
        elif [[ ! -w $path ]]; then
            why=here
            (( ! container )) || why="in this container"
            skipped "sysctl $key: read-only $why (is ${now:-unreadable})"
        elif ! { printf '%s\n' "$wanted" >"$path"; } 2>/dev/null; then
            skipped "sysctl $key: the kernel refuses $wanted (is ${now:-unreadable})"
        elif kernel_read "$path" && [[ $now != "$wanted" ]]; then
            skipped "sysctl $key: the kernel makes $now of $wanted"
        else
            changed "sysctl $key = $wanted (was $before)"
        fi
    done <@{family.sysctl_conf:sh}
    set +f
}
tune_kernel
