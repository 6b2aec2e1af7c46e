# shellcheck shell=bash disable=SC2154  # units_off, units_on: settings.sh
# SPDX-License-Identifier: PostgreSQL
# Services that a database node does not want, and those that it does. What is not installed needs nothing.

switch_services() {
    local unit off=() on=() now=()
    booted && now=(--now)
    for unit in "${units_off[@]}"; do
        unit_known "$unit" && { unit_enabled "$unit" || unit_active "$unit"; } && off+=("$unit")
    done
    for unit in "${units_on[@]}"; do
        unit_known "$unit" && ! unit_enabled "$unit" && on+=("$unit")
    done
    if (( ${#off[@]} )); then
        systemctl -q disable "${now[@]}" "${off[@]}" </dev/null 2>/run/labctl/services ||
            { evidence /run/labctl/services; die "cannot switch off ${off[*]}"; }
        changed "off: ${off[*]}"
    fi
    if (( ${#on[@]} )); then
        systemctl -q enable "${now[@]}" "${on[@]}" </dev/null 2>/run/labctl/services ||
            { evidence /run/labctl/services; die "cannot switch on ${on[*]}"; }
        changed "on: ${on[*]}"
    fi
}
switch_services
