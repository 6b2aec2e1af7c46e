# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The clock is set every hour by cron, and once now, which a node without a way to the server cannot.

set_clock() {
    local server=@{ntp_server:sh} once=/var/lib/labctl/ntpdate
    [[ -x /usr/sbin/ntpdate ]] || { skipped "time synchronisation: ntpdate is not in the image"; return; }
    if service_known crond && ! service_enabled crond; then
        service_switch on crond
        changed "on: crond"
    fi
    [[ ! -e $once ]] || return
    if within 20 /usr/sbin/ntpdate "${server:-asia.pool.ntp.org}" >/run/labctl/ntpdate 2>&1; then
        /sbin/hwclock --systohc </dev/null >/dev/null 2>&1
        changed "the clock is set"
        : >"$once"
    else
        skipped "time synchronisation: ${server:-asia.pool.ntp.org} does not answer; cron asks again every hour"
    fi
}
set_clock
