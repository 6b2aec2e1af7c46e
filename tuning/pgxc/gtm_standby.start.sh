# SPDX-License-Identifier: PostgreSQL
# Starts the GTM standby. The GTM connects back to the name that this node's address resolves to.
# Its program is gtm, too; gtm_ctl of Postgres-XL takes what is after -Z for its name.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
gtm_ip=@{gtm.ip:sh} out=/run/labctl/@{nodename:sh}.start

# The cluster works without it; health.sh names the way out.
if [[ -e $dir/labctl.fenced ]]; then
    [[ -z $booting ]] || exit 3
    warn "no GTM standby was started: $dir is that of an old GTM, from which another one took over"
    exit 0
fi

running() { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }
slave()   { local part=; { read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid"; [[ $part == 0 ]]; }
# It listens before it has connected to the GTM, and exits if that fails.
joined()  {
    running && listening "$port" && slave &&
        tail -c "+$(( seen + 1 ))" "$dir/gtm.log" | grep -aq -e 'Startup connection with the active-GTM closed' -e 'Started to run as GTM-Standby'
}
settled() { joined || ! running; }         # ready, or dead
begun()   { running || abandoned "$out.lock"; }

stop_it() {
    processes gtm "$dir" || return 0
    kill -9 $pids                             # has no state, and would wait for the GTM forever
    wait_for 5 gone gtm "$dir" || die "cannot stop the GTM standby"
}

# A standby that joins asks the GTM for its sequences. That of 1.0.2 puts them into an array of 1,024 and crashes with more; so
# does the standby (1.0.4 has the fix). The cluster goes on without it.
if (( sequences > 1024 )) && [[ $("$bin/psql" --version) == *"(Postgres-XC) 1.0."[0-3]* ]] && ! { running && slave && called "$gtm_ip" "$port"; }; then
    stop_it
    warn "the GTM standby was not started: there are $sequences sequences, and the GTM of Postgres-XC before 1.0.4 crashes when a" \
        "standby asks for more than 1,024. Ways out: fewer sequences, version 1.0.4 or later, or a lab file without gtm_standby"
    exit 0
fi

# The GTM connects to the standby once for each proxy that connects to it. After a restart it does not: from then on it
# replicates nothing, without an error.
if running && slave && [[ $dir/gtm.conf -nt $dir/gtm.pid ]]; then
    stop_it
    changed "stopped gtm_standby: its configuration changed"
elif running && slave && ! wait_for 1 called "$gtm_ip" "$port"; then
    stop_it
    changed "stopped a gtm_standby that the GTM has lost"
fi
if ! running; then
    stop_it                                   # a standby without a pid file
    wait_for 3 closed "$port" || die "port $port is taken by another program"
    mkdir -p /run/labctl
    # It gets the registered nodes from the GTM. If its own file lists them, it refuses them, and then the GTM, the proxy
    # and the node that registers all hang.
    rm -f -- "$dir/gtm.pid" "$dir/register.node"
    # Should it ever start as the GTM: it lacks sequences and the newest transaction numbers.
    printf '' >"$dir/labctl.unclean" || die "cannot write $dir/labctl.unclean"
    seen=$(stat -c %s "$dir/gtm.log" 2>/dev/null) || seen=0
    watched "$out.lock" as "$user" /usr/bin/env "PATH=$bin:/usr/bin:/bin" "$bin/gtm_ctl" start -Z gtm -D "$dir" >"$out" 2>&1
    wait_for 5 begun && wait_for 20 settled
    if ! joined; then
        evidence "$out"; evidence "$dir/gtm.log"
        ! go_back gtm_standby "$dir/gtm.conf" ||
            die "the GTM standby did not start with its new configuration; the old one is restored, run bootstrap again to start it"
        die "the GTM standby did not start"
    fi
    changed "started gtm_standby on port $port"
else
    wait_for 10 listening "$port" || { evidence "$dir/gtm.log"; die "the GTM standby is running but does not listen on port $port"; }
fi
slave || die "the GTM standby in $dir has been promoted"
accepted gtm_standby "$dir/gtm.conf"
