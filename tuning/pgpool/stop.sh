# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Stops pgpool-II and ends its sessions.

dir=@{dir:sh} unit=labctl-pgpool.service out=/run/labctl/@{nodename:sh}.stop
[[ -d /run/labctl ]] || mkdir -p /run/labctl

idle() { local state; state=$(systemctl is-active "$unit" </dev/null); [[ $state == inactive || $state == failed || $state == unknown ]]; }

! gone pgpool "$dir" || { [[ -d /run/systemd/system ]] && ! idle; } || exit 0
if [[ -d /run/systemd/system ]] && ! idle; then
    systemctl stop "$unit" >"$out" 2>&1 </dev/null
else
    # Its pid file ends with a NUL and without a newline, which `read` counts as a failure.
    pid=
    { read -r pid <"$dir/pgpool.pid"; } 2>/dev/null
    ! alive "$pid" pgpool "$dir" || kill -INT "$pid"
fi
if ! wait_for 35 gone pgpool "$dir"; then
    # shellcheck disable=SC2086  # pids
    processes pgpool "$dir" && kill -KILL $pids
    wait_for 5 gone pgpool "$dir" || { evidence "$out"; die "pgpool does not stop"; }
fi
changed "stopped pgpool"
