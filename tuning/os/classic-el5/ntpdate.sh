# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Cron sets the clock every hour. Set it once now, too, if the time server can be reached.

set_clock() {
    local server=@{ntp_server:sh} once=/var/lib/labctl/ntpdate
    [[ -x /usr/sbin/ntpdate ]] || { skipped "time synchronisation: ntpdate is not in the image"; return; }
    if service_known crond && ! service_enabled crond; then
        service_switch on crond
        changed "turned on: crond"
    fi
    [[ ! -e $once ]] || return
    if within 20 /usr/sbin/ntpdate "${server:-asia.pool.ntp.org}" >/run/labctl/ntpdate 2>&1; then
        /sbin/hwclock --systohc </dev/null >/dev/null 2>&1
        changed "set the clock"
        : >"$once"
    else
        skipped "time synchronisation: ${server:-asia.pool.ntp.org} does not answer; cron tries again every hour"
    fi
}
set_clock
