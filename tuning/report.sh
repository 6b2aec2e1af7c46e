# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Describes this node for `labctl collect`: system, memory, disks, network, processes, what is installed. Changes nothing.
export LC_ALL=C

show() {
    printf '\n$ %s\n' "$*"
    "$@" 2>&1
}

# Programs that this system lacks are left out.
try() {
    ! type -P "$1" >/dev/null || show "$@"
}

look() {
    show date
    show uname -a
    show cat /etc/os-release /etc/redhat-release
    show uptime
    show free -m
    show df -hT
    show df -i
    show mount
    try ip addr
    try ip route
    try ss -tan
    show cat /etc/hosts
    show ps axfww -o pid,ppid,user,stat,lstart,rss,pcpu,args
    try systemctl --no-pager --failed
    try systemctl --no-pager list-units 'labctl*'
    show ls -la /run/labctl /var/lib/labctl /var/lib/labctl/accepted
    show ulimit -a
    show sysctl -a -r '^(vm|fs.file|kernel.(sem|shm)|net.core|net.ipv4.tcp)'
    try dpkg-query -W
    try rpm -qa
    printf '\n$ dmesg\n'
    dmesg 2>&1 | tail -n 200
}

look </dev/null
exit 0
