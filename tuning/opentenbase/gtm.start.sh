# SPDX-License-Identifier: PostgreSQL
# Starts the GTM. It has a log, which it reads after a crash: it goes on above the timestamps and the values that were used. "gtm_ctl
# start" succeeds even if the server dies at once, and looks for it in the PATH. So this script checks the process and the kernel's
# table of sockets.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
out=/run/labctl/@{nodename:sh}.start

running() { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }
ready()   { running && listening "$port"; }
settled() { ready || ! running; }          # ready, or dead
master()  { local part=; { read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid"; [[ $part == 1 ]]; }
logs()    { local log; evidence "$out"; for log in "$dir"/gtm_log/*.log; do :; done; evidence "$log"; }
start_it() {
    as "$user" /usr/bin/env "PATH=$bin:/usr/bin:/bin" "$bin/gtm_ctl" start -Z gtm -D "$dir" >"$out" 2>&1
    wait_for 5 running && wait_for 60 settled
}

# Another GTM took over from this one, even if this is its unit at boot.
if [[ -e $dir/labctl.fenced ]]; then
    [[ -z $booting ]] || exit 3
    printf '::next labctl -l %s rejoin %s\n' @{lab.name:sh} @{node.name:sh}
    die "another GTM took over from the one in $dir"
fi

# gtm.conf is the GTM's by now, but the server is the standby that was to take over.
if running && ! master; then
    printf '::next labctl -l %s failover gtm\n' @{lab.name:sh}
    die "the standby in $dir was not made the GTM yet"
fi

# The GTM reads its configuration only at its start.
if running && [[ $dir/gtm.conf -nt $dir/gtm.pid ]]; then
    mkdir -p /run/labctl
    as "$user" "$bin/gtm_ctl" stop -Z gtm -D "$dir" -m fast -W >"$out" 2>&1
    if ! wait_for 30 gone gtm "$dir"; then
        logs
        go_back gtm "$dir/gtm.conf"
        die "cannot stop the GTM to apply its new configuration; it keeps running with the old one"
    fi
    changed "stopped gtm: its configuration changed"
fi
if ! running; then
    if processes gtm "$dir"; then                 # a GTM without a pid file, or half dead
        kill -9 $pids
        wait_for 5 gone gtm "$dir" || die "cannot stop the GTM in $dir"
    fi
    wait_for 3 closed "$port" || die "port $port is taken by another program"
    mkdir -p /run/labctl
    rm -f -- "$dir/gtm.pid"                       # its pid may be that of another process by now
    start_it
    if ! ready; then
        logs
        go_back gtm "$dir/gtm.conf" || die "the GTM did not start"
        refused=yes
        start_it
        ready || { logs; die "the GTM did not start, not even with its old configuration"; }
    fi
    changed "started gtm on port $port"
else
    wait_for 10 ready || { logs; die "the GTM is running but does not listen on port $port"; }
fi
master || die "the GTM in $dir is not the master"
if [[ -n ${refused-} ]]; then
    printf '::next correct cluster.settings.gtm in the lab file, then: labctl -f FILE bootstrap\n'
    die "the GTM rejects its new configuration; it was started with the old one"
fi
accepted gtm "$dir/gtm.conf"
