# shellcheck shell=bash disable=SC2154  # services_off, services_on: lists.sh; parts: service_parts
# SPDX-License-Identifier: PostgreSQL
# Turns off services that a database node should not run, and enables those that it needs, if they are installed.

switch_services() {
    local name part parts off='' on=''
    for name in $services_off; do
        service_parts "$name"
        for part in $parts; do
            service_known "$part" && { service_enabled "$part" || service_active "$part"; } && off+=" $part"
        done
    done
    for name in $services_on; do
        service_parts "$name"
        part=${parts%% *}
        service_known "$part" && ! service_enabled "$part" && on+=" $part"
    done
    # shellcheck disable=SC2086  # words
    {
        [[ -z $off ]] || { service_switch off $off; changed "turned off:$off"; }
        [[ -z $on ]] || { service_switch on $on; changed "turned on:$on"; }
    }
}
switch_services
