# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# In a container, systemd sets no sysctl at boot, because /proc/sys/net itself is read-only there. The container's own
# keys are writable, so let it set them, unless the host's keys are writable too.

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
