# SPDX-License-Identifier: PostgreSQL
# Starts the GTM. Its tools lie: "start" succeeds when the server dies at once, and
# "status" only looks whether the pid exists; so this looks at the process and the
# kernel's table of sockets.
#
# The GTM writes the last transaction number (gtm.control) only at a clean stop. After
# anything else it would hand out used numbers again, and committed rows would be
# invisible: it is then started with -x, above all that the data nodes have seen.
# next_xid is the highest NextXID that next_xid.sh printed on any node, or 0. Its sequences are wrong then, too: it tells
# of that until sequences.sh has put them right, whatever is interrupted in between.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
out=/run/labctl/@{nodename:sh}.start next_xid=@{value.next_xid:sh}

running() { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }
ready()   { running && listening "$port"; }
settled() { ready || ! running; }          # of use, or dead
master()  { local part=; { read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid"; [[ $part == 1 ]]; }

# A configuration counts at a start only. It must end by itself (it writes the last transaction number then): when it
# does not, it goes on as it is. Who was connected is started again by the steps that come after this one, and is not
# remembered: see below.
if running && [[ $dir/gtm.conf -nt $dir/gtm.pid ]]; then
    mkdir -p /run/labctl
    as "$user" "$bin/gtm_ctl" stop -Z gtm -D "$dir" -m fast -W >"$out" 2>&1
    if ! wait_for 30 gone gtm "$dir"; then
        evidence "$out"; evidence "$dir/gtm.log"
        go_back gtm "$dir/gtm.conf"
        die "the GTM does not stop to take up its new configuration; it goes on with the old one"
    fi
    rm -f -- "$dir/register.node"
    changed "stopped gtm: its configuration is new"
fi
if ! running; then
    if processes gtm "$dir"; then                 # one without a pid file, or half dead
        kill -9 $pids
        wait_for 5 gone gtm "$dir" || die "a GTM in $dir cannot be stopped"
    fi
    wait_for 3 closed "$port" || die "port $port is taken by another program"
    mkdir -p /run/labctl
    [[ ! -e $dir/gtm.pid ]] || mv -f -- "$dir/gtm.pid" "$dir/gtm.pid.unclean"
    options=(-Z gtm -D "$dir") unclean=
    [[ ! -e $dir/gtm.pid.unclean && ( ! -e $dir/gtm.log || -e $dir/gtm.control ) ]] || unclean=yes
    # Nodes that it takes for connected cannot register again: the refusal does not get
    # through a proxy, which hangs, and a postmaster that cannot register ends.
    [[ -z $unclean ]] || rm -f -- "$dir/register.node"
    [[ -z $unclean ]] || printf '' >"$dir/labctl.unclean" || die "cannot write $dir/labctl.unclean"
    if [[ -n $unclean ]] && (( next_xid > 0 )); then
        # Checkpoints are minutes apart: leave room for what was used since.
        options+=(-o "-x $(( next_xid + 1000000 ))")
        changed "the GTM was not stopped cleanly: goes on at transaction $(( next_xid + 1000000 ))"
    fi
    as "$user" "$bin/gtm_ctl" start "${options[@]}" >"$out" 2>&1
    wait_for 5 running && wait_for 30 settled
    if ! ready; then
        evidence "$out"; evidence "$dir/gtm.log"
        go_back gtm "$dir/gtm.conf" || die "the GTM does not start"
        refused=yes
        as "$user" "$bin/gtm_ctl" start "${options[@]}" >"$out" 2>&1
        wait_for 5 running && wait_for 30 settled
        ready || { evidence "$out"; evidence "$dir/gtm.log"; die "the GTM does not start, with its old configuration either"; }
    fi
    rm -f -- "$dir/gtm.pid.unclean"
    changed "started gtm on port $port"
else
    wait_for 10 ready || { evidence "$dir/gtm.log"; die "the GTM runs but does not listen on port $port"; }
fi
[[ ! -e $dir/labctl.unclean ]] || echo "::value unclean 1"
master || die "the GTM in $dir is not the master"
if [[ -n ${refused-} ]]; then
    printf '::next correct cluster.settings.gtm in the lab file, then: labctl -f FILE bootstrap\n'
    die "the GTM refuses its new configuration; it was started with the old one"
fi
accepted gtm "$dir/gtm.conf"
