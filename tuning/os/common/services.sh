# shellcheck shell=bash disable=SC2154  # services_off, services_on: lists.sh; parts: service_parts
# SPDX-License-Identifier: PostgreSQL
# Services that a database node does not want, and those that it does. What is not installed needs nothing.

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
        [[ -z $off ]] || { service_switch off $off; changed "off:$off"; }
        [[ -z $on ]] || { service_switch on $on; changed "on:$on"; }
    }
}
switch_services
