# SPDX-License-Identifier: PostgreSQL
# Starts a datanode or a coordinator, and tests it with a statement, which also needs the GTM.

role=@{role:sh}
dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} zone=@{timezone:sh}
out=/run/labctl/@{nodename:sh}.start

conf=("$dir/postgresql.conf" "$dir/pg_hba.conf")
inside=$dir
[[ ! -e $dir/labctl.gtm ]] || inside=@{ip:sh}     # OpenTenBase names no host to reach other servers on its own node

running() { pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir"; }
up()      { running && listening "$port"; }
begun()   { running || abandoned "$out.lock"; }
# Does it answer? Also counts the transactions that no coordinator is working on any more, which saves doubtful.sh a session,
# of which each may wait for a second at an idle proxy.
left="prepared <= now() - interval '300 s'"
select1() {
    local answer
    running || return 1
    answer=$(within 10 as "$user" "$bin/psql" -XAtqw -h "$dir" -p "$port" -U postgres \
        -c "select 1, count(*) from pg_catalog.pg_prepared_xacts where gid ~ '^(T|_[$]XC[$])[0-9]+\$' and $left" postgres 2>"$out.sql")
    [[ $answer == '1|'* ]] && doubtful=${answer#*|}
}
doubtful=0
logs() {
    local file
    evidence "$out"
    for file in "$dir"/pg_log/*.csv; do :; done
    evidence "$file" 8
    evidence "$out.sql" 4
}
stop_it() {
    if running; then
        as "$user" "$bin/pg_ctl" stop -D "$dir" -m fast -W >"$out" 2>&1
        wait_for 20 gone postgres "$dir" && return 0
        running && as "$user" "$bin/pg_ctl" stop -D "$dir" -m immediate -W >"$out" 2>&1
        wait_for 5 gone postgres "$dir" && return 0
    fi
    # Backends outlive a killed postmaster, and a new one refuses to start while they run.
    processes postgres "$dir" && kill -9 $pids
    wait_for 10 gone postgres "$dir" || die "cannot stop the $role"
}

# failed WHY: if the configuration changed, restores the last one that worked and starts the server with it.
failed() {
    logs
    if go_back "$role" "${conf[@]}"; then
        start_it
        printf '::next correct cluster.settings.%s in the lab file, then: labctl -f FILE bootstrap\n' "$role"
        die "the $role rejects its new configuration; it was started with the old one"
    fi
    die "$1"
}
start_it() {
    local tries
    stop_it
    wait_for 3 closed "$port" || die "port $port is taken by another program"
    mkdir -p /run/labctl
    # The pids in files of a crashed server may be those of other processes by now.
    rm -f -- "$dir/postmaster.pid" "$dir"/.s.PG*
    # For connections from inside, such as dblink('dbname=...'): by default, libpq looks for sockets in /tmp. Without TZ, 9.1 reads
    # the files of all time zones at its start, to find the one that the system has.
    watched "$out.lock" as "$user" /usr/bin/env "PGHOST=$inside" "PGPORT=$port" "TZ=$zone" "$bin/pg_ctl" start -Z "$role" -D "$dir" >"$out" 2>&1
    # Recovery after a crash may take long; a failed start ends at once.
    wait_for 5 begun && running || failed "the $role did not start"
    for (( tries = 0; tries < 60; tries++ )); do
        wait_for 2 up && break
        running || break
    done
    up || failed "the $role did not start"
    meet_gtm
    wait_for 60 select1 || { logs; die "the $role is running but does not answer"; }
    # A postmaster registers at the GTM only at its first SIGUSR1, which autovacuum sends up to a minute after the start,
    # and exits if that fails. Send it now, so that a failure shows here.
    pid_in "$dir/postmaster.pid" && kill -USR1 "$pid"
    wait_for 60 select1 || { logs; die "the $role cannot register at the GTM"; }
}
# The catalog of OpenTenBase has the GTM's address; labctl.gtm says which.
meet_gtm() {
    local gtm known
    gtm=(@{gtm.nodename:sh} @{gtm.address:sh} @{gtm.port:sh})
    [[ -e $dir/labctl.gtm ]] && read -r -a known <"$dir/labctl.gtm" || return 0
    [[ ${known[*]:1} != "${gtm[*]:1}" ]] || return 0
    within 60 as "$user" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -h "$dir" -p "$port" -U postgres \
        -c "alter gtm node \"${known[0]}\" with (host = '${gtm[1]}', port = ${gtm[2]})" postgres 2>"$out.sql" || failed "cannot tell the $role where the GTM is"
    put "$dir/labctl.gtm" 0600 "$user:$user" "${known[0]} ${gtm[1]} ${gtm[2]}"$'\n'
    changed "the $role knows the GTM at ${gtm[1]}:${gtm[2]}"
}
# setting NAME: sets value to its last value in postgresql.conf.
setting() {
    local line pattern="^$1 *= *'?([^' ]*)"
    value=
    while IFS= read -r line; do
        [[ $line =~ $pattern ]] && value=${BASH_REMATCH[1]}
    done <"$dir/postgresql.conf"
}

if running && [[ $dir/postgresql.conf -nt $dir/postmaster.pid ]]; then
    stop_it
    changed "stopped $role: its configuration changed"
elif running && [[ $dir/pg_hba.conf -nt $dir/postmaster.pid && ! $dir/labctl.reloaded -nt $dir/pg_hba.conf ]]; then
    as "$user" "$bin/pg_ctl" reload -D "$dir" >"$out" 2>&1 || { evidence "$out"; die "cannot reload the $role"; }
    printf '' >"$dir/labctl.reloaded"
    changed "reloaded $role: pg_hba.conf changed"
fi
if running; then meet_gtm; fi
if running && ! wait_for 20 select1; then      # it may wait for a GTM proxy that no longer exists
    stop_it
    changed "stopped a $role that did not answer"
fi
if ! running; then
    start_it
    changed "started $role on port $port"
fi
accepted "$role" "${conf[@]}"
# Transactions on several nodes are prepared. If more than max_prepared_transactions run at once, some fail and clients hang.
setting max_connections; connections=$value
setting max_prepared_transactions; prepared=$value
if [[ $connections =~ ^[0-9]+$ && $prepared =~ ^[0-9]+$ ]] && (( prepared < connections )); then
    warn "max_prepared_transactions = $prepared of the $role is less than max_connections = $connections: more than" \
        "$prepared transactions on several nodes at once fail (cluster.settings.$role.max_prepared_transactions)"
fi
[[ -n $booting ]] || (( ! doubtful )) || printf '::value doubtful %s\n' "$doubtful"
