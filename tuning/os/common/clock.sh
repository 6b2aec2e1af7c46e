# shellcheck shell=bash disable=SC2154  # parts: service_parts
# SPDX-License-Identifier: PostgreSQL
# Time synchronisation by chrony, or by ntpd where the system uses it. Its configuration file is in place already.

sync_clock() {
    local name=@{family.ntp:sh} conf=@{family.ntp_conf:sh} cron=/etc/cron.d/labctl-ntpdate unit parts pid started=''
    if in_container; then
        skipped "time synchronisation: the clock of a container belongs to the host"
        return
    fi
    service_parts "$name"
    unit=${parts%% *}
    service_known "$unit" || { skipped "time synchronisation: $name is not in the image"; return; }
    # Two programs must not set one clock.
    if [[ -e $cron ]]; then
        rm -f "$cron"
        changed "removed $cron: $name sets the clock"
    fi
    if ! service_enabled "$unit"; then
        service_switch on "$unit"
        changed "$name starts at boot"
        started=1
    fi
    booted || return
    for pid in /run/chrony/chronyd.pid /var/run/chronyd.pid /var/run/ntpd.pid; do
        [[ -e $pid ]] && break
    done
    if ! service_active "$unit"; then
        service_do start "$unit"
        [[ -n $started ]] || changed "started $name"
    elif [[ -e $pid && $conf -nt $pid ]]; then
        service_do restart "$unit"
        changed "restarted $name: its configuration changed"
    fi
}
sync_clock
