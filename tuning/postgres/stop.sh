# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Stops the server of a primary or a standby: ends its sessions, writes a checkpoint.

dir=@{dir:sh} role=@{role:sh}
unit=labctl-postgres-$role.service out=/run/labctl/@{nodename:sh}.stop
[[ -d /run/labctl ]] || mkdir -p /run/labctl

# Any state but these: it runs, starts, or is about to be started again.
idle() { local state; state=$(systemctl is-active "$unit" </dev/null); [[ $state == inactive || $state == failed || $state == unknown ]]; }
# The server wrote its last checkpoint.
clean() {
    local line version bin
    { read -r version <"$dir/PG_VERSION"; } 2>/dev/null || return 0
    bin=/usr/lib/postgresql/$version/bin
    while IFS= read -r line; do
        [[ $line == 'Database cluster state:'*'shut down'* ]] && return 0
    done < <("$bin/pg_controldata" -D "$dir" 2>"$out" </dev/null)
    return 1
}
# A server that stops waits until its standbys have all of the WAL: for one that is silent a minute, until its unit is killed.
let_standbys_go() {
    local at title
    processes postgres "$dir" || return 0
    for at in $pids; do
        title= # it may end meanwhile
        { IFS= read -r -d '' title <"/proc/$at/cmdline"; } 2>/dev/null
        [[ $title != *'walsender '* ]] || kill "$at"
    done
}

! gone postgres "$dir" || { [[ -d /run/systemd/system ]] && ! idle; } || exit 0
if [[ -d /run/systemd/system ]] && ! idle; then
    systemctl stop --no-block "$unit" >"$out" 2>&1 </dev/null
elif pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir"; then
    kill -INT "$pid"
fi
if ! wait_for 10 gone postgres "$dir"; then
    let_standbys_go
    wait_for 70 gone postgres "$dir" || { evidence "$out"; die "the $role does not stop"; }
fi
clean || warn "the $role did not stop in time and was killed; it recovers at its next start"
changed "stopped the $role"
