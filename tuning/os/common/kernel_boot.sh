# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# In a container systemd sets no sysctl at boot, because /proc/sys/net as a whole is read-only there. What is the
# container's own is writable: it may, as long as the keys of the host are not.

set_at_boot() {
    local dir=/etc/systemd/system/systemd-sysctl.service.d
    booted || return
    [[ -d $dir ]] || mkdir -p "$dir"
    put "$dir/labctl.conf" 0644 root:root '# Written by labctl; changes made here are lost.
[Unit]
ConditionPathIsReadWrite=
ConditionPathIsReadWrite=/proc/sys/net/ipv4
ConditionPathIsReadWrite=!/proc/sys/fs
'
}
set_at_boot
