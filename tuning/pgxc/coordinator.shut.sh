# SPDX-License-Identifier: PostgreSQL
# While the GTM does not know its sequences, another node joins, or tables move: ends the sessions of the coordinator, and lets nobody in
# but coordinators and datanodes, which read the sequences and definitions. coordinator.open.sh ends that. The server must run on:
# nextval() writes the values into its shared buffers, but neither into the WAL nor, after a checkpoint, to disk.
# As the rule *.fresh it runs again, when that is done: meanwhile coordinators open sessions to each other (pg_dump locks every table),
# which would go on with what they knew then.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin unclean=@{value.unclean:sh} joins=@{value.joins:sh} proxy=@{gtm_proxy.dir:sh}
rule=@{rule:sh} out=/run/labctl/@{nodename:sh}.shut
if [[ $rule == *.fresh ]]; then
    (( joins || ! unclean )) && grep -q '# labctl.shut$' "$dir/pg_hba.conf" || exit 0
    unclean=0 joins=1           # an interrupted run may have closed it
fi

(( unclean || joins )) && [[ -e $dir/pg_hba.conf ]] || exit 0
if (( ! unclean )); then          # one that joins serves nobody yet, and one that does not run either
    [[ ! -e $dir/labctl.joins ]] && pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir" || exit 0
fi
mkdir -p /run/labctl
if ! grep -q '# labctl.shut$' "$dir/pg_hba.conf"; then
    {
        printf '%s # labctl.shut\n' "local all all trust"
@{each coordinator}
        printf 'host all postgres %s/32 trust # labctl.shut\n' @{peer.ip:sh}
@{end}
@{each datanode}
        (( ! joins )) || printf 'host all postgres %s/32 md5 # labctl.shut\n' @{peer.ip:sh}
@{end}
        printf '%s # labctl.shut\n' "host all all 0.0.0.0/0 reject" "host all all ::/0 reject"
        cat -- "$dir/pg_hba.conf"
    } >"$dir/.pg_hba.labctl" && chown -- "$user:" "$dir/.pg_hba.labctl" && chmod 0600 "$dir/.pg_hba.labctl" &&
        mv -fT -- "$dir/.pg_hba.labctl" "$dir/pg_hba.conf" || die "cannot write $dir/pg_hba.conf"
    changed "closed the coordinator to clients"
fi
if ! pid_in "$dir/postmaster.pid" || ! alive "$pid" postgres "$dir"; then
    echo "::value forgot 1"
    exit 0
fi
postmaster=$pid
kill -HUP "$postmaster"
printf '' >"$dir/labctl.reloaded"

# Sessions, not the server's own processes: "postgres: USER DATABASE ADDRESS(PORT) ...". Each look ends those that it finds.
ended_sessions() {
    local at title pattern='^postgres: [^ ]+ [^ ]+ ([0-9a-f.:]+\([0-9]+\)|\[local\])'
    processes postgres "$dir"
    set -- $pids
    pids=
    for at; do
        title= # it may end meanwhile
        { IFS= read -r -d '' title <"/proc/$at/cmdline"; } 2>/dev/null
        [[ $at == "$postmaster" || ! $title =~ $pattern ]] || pids+=" $at"
    done
    [[ -n $pids ]] || return 0
    kill $pids 2>/dev/null
    return 1
}
wait_for 2 ended_sessions && exit 0
if (( ! unclean )); then
    wait_for 60 ended_sessions && exit 0
    die "sessions of the coordinator do not end"
fi
# They wait for the GTM. If their proxy is gone, they do not; it has no state and is started again.
if processes gtm_proxy "$proxy"; then kill -9 $pids; fi
wait_for 30 ended_sessions && exit 0
as "$user" "$bin/pg_ctl" stop -D "$dir" -m immediate -W >"$out" 2>&1
wait_for 5 gone postgres "$dir" || { processes postgres "$dir" && kill -9 $pids; }
wait_for 5 gone postgres "$dir" || die "cannot stop the coordinator"
echo "::value forgot 1"
changed "stopped coordinator: sessions did not end"
