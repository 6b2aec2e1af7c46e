# SPDX-License-Identifier: PostgreSQL
# Starts the GTM. Its tools lie: "start" succeeds when the server dies at once, and
# "status" only looks whether the pid exists; so this looks at the process and the
# kernel's table of sockets.
#
# The GTM writes the last transaction number (gtm.control) only at a clean stop. After
# anything else it would hand out used numbers again, and committed rows would be
# invisible: it is then started with -x, above all that the data nodes have seen.
# next_xid is the highest NextXID that next_xid.sh printed on any node, or 0.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
out=/run/labctl/@{nodename:sh}.start next_xid=@{value.next_xid:sh}

running() { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }
ready()   { running && listening "$port"; }
settled() { ready || ! running; }          # of use, or dead
master()  { local part=; { read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid"; [[ $part == 1 ]]; }

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
    if [[ -n $unclean ]] && (( next_xid > 0 )); then
        # Checkpoints are minutes apart: leave room for what was used since.
        options+=(-o "-x $(( next_xid + 1000000 ))")
        changed "the GTM was not stopped cleanly: goes on at transaction $(( next_xid + 1000000 ))"
    fi
    as "$user" "$bin/gtm_ctl" start "${options[@]}" >"$out" 2>&1
    wait_for 5 running && wait_for 30 settled
    ready || { evidence "$out"; evidence "$dir/gtm.log"; die "the GTM does not start"; }
    rm -f -- "$dir/gtm.pid.unclean"
    changed "started gtm on port $port"
else
    wait_for 10 ready || { evidence "$dir/gtm.log"; die "the GTM runs but does not listen on port $port"; }
fi
master || die "the GTM in $dir is not the master"
[[ ! $dir/gtm.conf -nt $dir/gtm.pid ]] ||
    skipped "gtm.conf is newer than the running GTM: takes effect when the cluster is stopped and started"
