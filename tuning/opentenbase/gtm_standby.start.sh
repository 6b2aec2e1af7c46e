# SPDX-License-Identifier: PostgreSQL
# Starts the GTM standby. It connects to the GTM, takes over its state, and follows its log from then on.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
gtm_ip=@{gtm.ip:sh} gtm_port=@{gtm.port:sh} out=/run/labctl/@{nodename:sh}.start

# The cluster works without it; health.sh names the way out.
if [[ -e $dir/labctl.fenced ]]; then
    [[ -z $booting ]] || exit 3
    warn "no GTM standby was started: $dir is that of an old GTM, from which another one took over"
    exit 0
fi

running() { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }
slave()   { local part=; { read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid"; [[ $part == 0 ]]; }
# It listens before it has the GTM's state. Each start makes a new log.
joined()  {
    local log
    for log in "$dir"/gtm_log/*.log; do :; done
    running && listening "$port" && slave && grep -qs 'Started to run as GTM-Standby' "$log" && connected "$gtm_ip" "$gtm_port"
}
logs()    { local log; evidence "$out"; for log in "$dir"/gtm_log/*.log; do :; done; evidence "$log"; }
settled() { joined || ! running; }         # ready, or dead
stop_it() {
    processes gtm "$dir" || return 0
    kill -9 $pids                             # has no state of its own, and may wait for the GTM
    wait_for 5 gone gtm "$dir" || die "cannot stop the GTM standby"
}

if running && slave && [[ $dir/gtm.conf -nt $dir/gtm.pid ]]; then
    stop_it
    changed "stopped gtm_standby: its configuration changed"
elif running && slave && ! wait_for 10 connected "$gtm_ip" "$gtm_port"; then
    stop_it
    changed "stopped a gtm_standby that has lost the GTM"
fi
if ! running; then
    stop_it                                   # a standby without a pid file
    wait_for 3 closed "$port" || die "port $port is taken by another program"
    mkdir -p /run/labctl
    rm -f -- "$dir/gtm.pid" "$dir/labctl.follows"
    as "$user" /usr/bin/env "PATH=$bin:/usr/bin:/bin" "$bin/gtm_ctl" start -Z gtm -D "$dir" >"$out" 2>&1
    wait_for 5 running && wait_for 60 settled
    if ! wait_for 10 joined; then             # it closes its first connection, and makes another one a second later
        logs
        ! go_back gtm_standby "$dir/gtm.conf" ||
            die "the GTM standby did not start with its new configuration; the old one is restored, run bootstrap again to start it"
        die "the GTM standby did not start"
    fi
    changed "started gtm_standby on port $port"
else
    wait_for 10 listening "$port" || { logs; die "the GTM standby is running but does not listen on port $port"; }
fi
slave || die "the GTM standby in $dir has been promoted"
# It may take over: standing.sh.
if [[ ! -e $dir/labctl.follows ]] && wait_for 10 joined; then
    printf '' >"$dir/labctl.follows" || die "cannot write $dir/labctl.follows"
fi
accepted gtm_standby "$dir/gtm.conf"
