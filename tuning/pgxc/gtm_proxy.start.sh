# SPDX-License-Identifier: PostgreSQL
# Starts the GTM proxy. Never connect to its port to test it: a connection that is closed at once hangs it for good. After
# the GTM died, a proxy may neither work nor stop; it has no state, so it is killed and started.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
gtm_ip=@{gtm.ip:sh} gtm_port=@{gtm.port:sh}
out=/run/labctl/@{nodename:sh}.start

running() { pid_in "$dir/gtm_proxy.pid" && alive "$pid" gtm_proxy "$dir"; }
ready()   { running && listening "$port" && connected "$gtm_ip" "$gtm_port"; }
settled() { ready || ! running; }          # ready, or dead
begun()   { running || abandoned "$out.lock"; }
stop_it() {
    processes gtm_proxy "$dir" || return 0
    kill $pids
    wait_for 2 gone gtm_proxy "$dir" && return 0
    processes gtm_proxy "$dir" && kill -9 $pids
    wait_for 5 gone gtm_proxy "$dir" || die "cannot stop the GTM proxy"
}

start_it() {
    stop_it                                   # a proxy without a pid file
    wait_for 3 closed "$port" || die "port $port is taken by another program"
    mkdir -p /run/labctl
    # It would refuse to register a node that its file lists as registered, and then hang.
    rm -f -- "$dir/gtm_proxy.pid" "$dir/register.node"
    watched "$out.lock" as "$user" /usr/bin/env "PATH=$bin:/usr/bin:/bin" "$bin/gtm_ctl" start -Z gtm_proxy -D "$dir" >"$out" 2>&1
    wait_for 5 begun && wait_for 30 settled
    ready && return 0
    evidence "$out"; evidence "$dir/gtm_proxy.log"
    if go_back gtm_proxy "$dir/gtm_proxy.conf"; then
        start_it
        printf '::next correct cluster.settings.gtm_proxy in the lab file, then: labctl -f FILE bootstrap\n'
        die "the GTM proxy rejects its new configuration; it was started with the old one"
    fi
    die "the GTM proxy did not start"
}

# The GTM calls its standby once for each proxy that calls it: at boot a proxy waits a while for the standby to be there.
standby=@{gtm_standby.ip:sh} standby_port=@{gtm_standby.port:sh}
standby_there() { within 2 /bin/bash -c ": </dev/tcp/$standby/$standby_port" 2>/dev/null; }
[[ -z $booting || -z $standby ]] || running || wait_for 60 standby_there

if running && [[ $dir/gtm_proxy.conf -nt $dir/gtm_proxy.pid ]]; then
    stop_it
    changed "stopped gtm_proxy: its configuration changed"
elif running && ! wait_for 5 ready; then
    stop_it
    changed "stopped a gtm_proxy without a connection to the GTM"
fi
if ! running; then
    start_it
    changed "started gtm_proxy on port $port"
fi
accepted gtm_proxy "$dir/gtm_proxy.conf"
