# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Starts pgpool-II, or makes it apply a changed configuration; then tests a login through it.
#
# It is a systemd unit, like the servers (tuning/postgres/start.sh); where systemd does not run, it gets a session of its
# own. Its processes are recognized by their working directory.

dir=@{dir:sh} user=@{user:sh} port=@{port:sh} ip=@{ip:sh} super=@{superuser:sh} database=@{database:sh}
unit=labctl-pgpool.service early=/var/log/labctl-pgpool.log log=$dir/log/pgpool.log
out=/run/labctl/@{nodename:sh}.start
sockets=(/run/postgresql/.s.PGSQL."$port" /run/postgresql/.s.PGSQL.9898)

[[ -d /run/labctl ]] || mkdir -p /run/labctl
pgpool=$(type -P pgpool) || die "pgpool-II is not in the image (pgpool)"
for psql in /usr/lib/postgresql/*/bin/psql; do :; done
kept=("$dir/pgpool.conf" "$dir/pool_hba.conf")
files=(-f "$dir/pgpool.conf" -F "$dir/pcp.conf" -a "$dir/pool_hba.conf")

# Its pid file ends with a NUL and without a newline, which `read` counts as a failure.
running() { pid=; { read -r pid <"$dir/pgpool.pid"; } 2>/dev/null; alive "$pid" pgpool "$dir"; }

# refused: pgpool rejects the new configuration: restores the last one that it accepted.
refused() {
    go_back pgpool "${kept[@]}"
    printf '::next correct cluster.settings.pgpool in the lab file, then: labctl -f FILE bootstrap\n'
    die "pgpool rejects its new configuration; it keeps the old one"
}

failed() {
    evidence "$early" 6; evidence "$log"; evidence "$out" 4
    if go_back pgpool "${kept[@]}"; then
        start_it
        refused
    fi
    die "$1"
}

login() {
    "$psql" -XAtqw -c 'select 1' >/dev/null 2>"$out" </dev/null \
        -d "host=$ip port=$port user=$super dbname=$database connect_timeout=10"
}

start_it() {
    # While a unit waits for its next automatic start, `systemctl start` does nothing, and the unit looks failed.
    [[ ! -d /run/systemd/system ]] || systemctl stop "$unit" >"$out" 2>&1 </dev/null
    # The children of a killed pgpool live on, hold the port and still serve clients.
    end_rest
    ! listening "$port" || die "port $port is in use by another program"
    printf '' >"$early"
    # -D: ignore the saved status of backends and check them.
    if [[ -d /run/systemd/system ]]; then
        systemctl reset-failed "$unit" >"$out" 2>&1 </dev/null
        systemctl start --no-block "$unit" >"$out" 2>&1 </dev/null || failed "systemd cannot start $unit"
    else
        rm -f -- "$dir/pgpool.pid" "${sockets[@]}"
        as "$user" env -C "$dir" setsid -f "$pgpool" -n -D "${files[@]}" >"$early" 2>&1
    fi
    wait_for 40 begun || failed "pgpool did not start within 40 s"
}

# Did it exit, whether or not systemd starts it again?
dead() {
    local state
    state=$(systemctl show -p ActiveState -p SubState "$unit" </dev/null)
    [[ $state == *=failed* || $state == *=auto-restart* ]]
}

# Is it listening? Fails at once if it cannot start.
begun() {
    running && listening "$port" && return 0
    [[ -d /run/systemd/system ]] || return 1
    dead || return 1
    systemctl stop "$unit" >/dev/null 2>&1 </dev/null          # or systemd would start it again
    failed "pgpool did not start"
}

end_rest() {
    gone pgpool "$dir" && return 0
    # shellcheck disable=SC2086  # pids
    kill -KILL $pids
    wait_for 10 gone pgpool "$dir" || die "cannot stop pgpool"
}

stop_it() {
    if [[ -d /run/systemd/system ]] && systemctl -q is-active "$unit" </dev/null; then
        systemctl stop "$unit" >"$out" 2>&1 </dev/null
    else
        kill -INT "$pid"
    fi
    wait_for 30 gone pgpool "$dir" || end_rest
}

# newer FILE: did FILE change since the start and the last reload?
newer() { [[ $dir/$1 -nt $dir/pgpool.pid && ! $dir/labctl.reloaded -nt $dir/$1 ]]; }

apply() {
    local file files_read=''
    # Most settings take effect at a start only, and pgpool does not report which.
    if newer pgpool.conf; then
        # `pgpool reload` checks the file first and reports errors.
        as "$user" "$pgpool" "${files[@]}" reload >"$out" 2>&1 || { evidence "$out" 4; refused; }
        stop_it
        start_it
        changed "restarted pgpool: pgpool.conf"
        return 0
    fi
    for file in pool_hba.conf pool_passwd; do
        newer "$file" && files_read+=" $file"
    done
    [[ -n $files_read ]] || return 0
    kill -HUP "$pid"
    printf '' >"$dir/labctl.reloaded"
    changed "reloaded pgpool:$files_read"
}

[[ ! -d /run/systemd/system ]] || put_unit "$unit" <<END
# Written by labctl; changes made here are lost.
[Unit]
Description=pgpool-II of the lab @{lab.name:raw}
After=network.target
RequiresMountsFor=$dir
# Do not restart a failing pgpool forever.
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
User=$user
WorkingDirectory=$dir
# pgpool exits if its address is not there yet, or if the sockets of a killed one still exist.
ExecStartPre=/bin/sh -c 'n=0; until grep -q -- "-- $ip\$" /proc/net/fib_trie || [ \$n -ge 150 ]; do n=\$((n + 1)); sleep 0.2; done'
ExecStartPre=/bin/rm -f $dir/pgpool.pid ${sockets[*]}
ExecStart=$pgpool -n -D ${files[*]}
ExecReload=/bin/kill -HUP \$MAINPID
StandardOutput=append:$early
StandardError=append:$early
KillMode=mixed
KillSignal=SIGINT
TimeoutStopSec=30
Restart=@{if restart}on-failure@{else}no@{end}
RestartSec=1

[Install]
WantedBy=multi-user.target
END
if running; then
    apply
else
    start_it
    changed "started pgpool on port $port"
fi
pass_file "$out.pgpass" @{secret.postgres:sh}
# The first logins fail until pgpool has found out which backends are down.
if ! wait_for 30 login; then
    evidence "$log" 6
    evidence "$out" 4
    die "pgpool is running, but $super cannot log in through it: see the backends' logs"
fi
accepted pgpool "${kept[@]}"
