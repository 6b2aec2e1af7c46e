# SPDX-License-Identifier: PostgreSQL
# Starts the GTM. Its tools are unreliable: "start" succeeds even if the server dies at once, and "status" only checks that
# the pid exists. So this script checks the process and the kernel's table of sockets. That of Postgres-XL looks for gtm in the PATH.
#
# The GTM writes the last transaction number (gtm.control) only at a clean stop. After any other stop it would assign used
# numbers again, and committed rows would become invisible. So it is then started with -x, above all numbers that the nodes
# have seen: next_xid is the highest number that next_xid.sh printed on any node, or 0. A node's last checkpoint may be older
# than the last such start; so that number is kept, here and by the coordinators. The sequences are wrong then, too: the mark
# that gtm.look.sh made says so until sequences.sh has corrected them, even if labctl is interrupted in between.
# Since 1.1 the GTM also writes it while it runs, with numbers and values up to 2,000 ahead, but not atomically. So a killed
# GTM of 1.1 is treated in the same way, unless it was killed while stopping: then what it wrote last is good enough.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
out=/run/labctl/@{nodename:sh}.start

running() { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }
ready()   { running && listening "$port"; }
settled() { ready || ! running; }          # ready, or dead
begun()   { running || abandoned "$out.lock"; }
master()  { local part=; { read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid"; [[ $part == 1 ]]; }

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

# The GTM reads its configuration only at its start. It must end by itself, because it writes the last transaction number
# then; if it does not, it keeps running unchanged. Later steps restart the nodes that were connected; the GTM must forget
# them, see below.
if running && [[ $dir/gtm.conf -nt $dir/gtm.pid ]]; then
    mkdir -p /run/labctl
    as "$user" "$bin/gtm_ctl" stop -Z gtm -D "$dir" -m fast -W >"$out" 2>&1
    if ! wait_for 30 gone gtm "$dir"; then
        evidence "$out"; evidence "$dir/gtm.log"
        go_back gtm "$dir/gtm.conf"
        die "cannot stop the GTM to apply its new configuration; it keeps running with the old one"
    fi
    rm -f -- "$dir/register.node"
    changed "stopped gtm: its configuration changed"
fi
if ! running; then
    if processes gtm "$dir"; then                 # a GTM without a pid file, or half dead
        kill -9 $pids
        wait_for 5 gone gtm "$dir" || die "cannot stop the GTM in $dir"
    fi
    wait_for 3 closed "$port" || die "port $port is taken by another program"
    mkdir -p /run/labctl
    options=(-Z gtm -D "$dir") unclean=
    if [[ -e $dir/labctl.unclean ]]; then
        unclean=yes
    elif gtm_was_killed "$dir"; then
        unclean=yes
        [[ -n $booting ]] || die "the GTM in $dir was killed just now: run the same command again"
    fi
    [[ ! -e $dir/gtm.pid ]] || mv -f -- "$dir/gtm.pid" "$dir/gtm.pid.unclean"
    if [[ -n $unclean && -n $booting ]]; then
        why="it was not stopped cleanly, and would hand out transaction numbers and sequences again that were used: labctl bootstrap starts it above them"
        printf '%s\n' "$why" >"$dir/labctl.refused"
        printf '::fail the GTM does not start at boot: %s\n' "$why"
        exit 3
    fi
    # Nodes that the GTM believes to be connected cannot register again: the refusal does not get through a proxy,
    # which hangs, and a postmaster that cannot register exits.
    [[ -z $unclean ]] || rm -f -- "$dir/register.node"
    reached=0
    { read -r reached <"$dir/labctl.reached"; } 2>/dev/null
    (( reached <= next_xid )) || next_xid=$reached
    if [[ -n $unclean ]] && (( next_xid > 0 )); then
        # Checkpoints are minutes apart: leave room for numbers used since the last one.
        (( next_xid += 1000000 ))
        printf '%s\n' "$next_xid" >"$dir/labctl.reached" || die "cannot write $dir/labctl.reached"
        options+=(-o "-x $next_xid")
        changed "the GTM was not stopped cleanly: continues at transaction $next_xid"
    fi
    watched "$out.lock" as "$user" /usr/bin/env "PATH=$bin:/usr/bin:/bin" "$bin/gtm_ctl" start "${options[@]}" >"$out" 2>&1
    wait_for 5 begun && wait_for 30 settled
    if ! ready; then
        evidence "$out"; evidence "$dir/gtm.log"
        go_back gtm "$dir/gtm.conf" || die "the GTM did not start"
        refused=yes
        watched "$out.lock" as "$user" /usr/bin/env "PATH=$bin:/usr/bin:/bin" "$bin/gtm_ctl" start "${options[@]}" >"$out" 2>&1
        wait_for 5 begun && wait_for 30 settled
        ready || { evidence "$out"; evidence "$dir/gtm.log"; die "the GTM did not start, not even with its old configuration"; }
    fi
    printf '' >"$dir/labctl.started" && rm -f -- "$dir/gtm.pid.unclean" "$dir/labctl.refused" || die "cannot write $dir/labctl.started"
    changed "started gtm on port $port"
else
    wait_for 10 ready || { evidence "$dir/gtm.log"; die "the GTM is running but does not listen on port $port"; }
fi
# For those who keep it, so that no start repeats it: the number at which the GTM continued last.
[[ -n $booting || ! -s $dir/labctl.reached ]] || printf '::value reached %s\n' "$(<"$dir/labctl.reached")"
# For gtm_standby.start.sh: how many sequences its file has, each between two marks.
[[ -n $booting || ! -s $dir/gtm.control ]] || printf '::value sequences %s\n' "$(grep -aoP '\xfa\xfa\xfa\xfa' "$dir/gtm.control" | wc -l)"
master || die "the GTM in $dir is not the master"
if [[ -n ${refused-} ]]; then
    printf '::next correct cluster.settings.gtm in the lab file, then: labctl -f FILE bootstrap\n'
    die "the GTM rejects its new configuration; it was started with the old one"
fi
accepted gtm "$dir/gtm.conf"
