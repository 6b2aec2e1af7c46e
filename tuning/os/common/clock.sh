# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Time synchronisation by chrony; its file is there already.

sync_clock() {
    if in_container; then
        skipped "time synchronisation: the clock of a container belongs to the host"
        return
    fi
    unit_known chrony.service || { skipped "time synchronisation: chrony is not in the image"; return; }
    if ! unit_enabled chrony.service; then
        systemctl -q enable chrony.service </dev/null || die "cannot enable chrony"
        changed "chrony starts at boot"
    fi
    booted || return
    if ! unit_active chrony.service; then
        systemctl start chrony.service </dev/null || die "chrony does not start"
        changed "chrony started"
    elif [[ /etc/chrony/chrony.conf -nt /run/chrony/chronyd.pid ]]; then
        systemctl restart chrony.service </dev/null || die "chrony does not start again"
        changed "chrony restarted: its configuration is new"
    fi
}
sync_clock
