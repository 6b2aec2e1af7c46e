# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Makes the data of an old primary a copy of the new one's by pg_rewind, or puts it aside so that the next step copies all of
# it. Does nothing where the server follows the primary. What only this server has is lost, or is in the directory put aside.

dir=@{dir:sh} user=@{user:sh} port=@{port:sh} super=@{superuser:sh} lost=@{value.lost:sh} out=/run/labctl/@{nodename:sh}.rejoin
host=@{primary.ip:sh} host_port=@{primary.port:sh}
half=$dir.labctl-rewind aside=$dir.before-rejoin log=$dir.labctl-log

[[ -e $dir/PG_VERSION ]] || exit 0
[[ -d /run/labctl ]] || mkdir -p /run/labctl
read -r version <"$dir/PG_VERSION"
bin=/usr/lib/postgresql/$version/bin
[[ -x $bin/pg_rewind ]] || die "$dir was made by PostgreSQL $version, which is not in the image"
there="host=$host port=$host_port user=$super dbname=postgres passfile=$out.pgpass connect_timeout=10"

running() { pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir"; }
streams() {
    [[ $("$bin/psql" -XAtqw -h /run/postgresql -p "$port" -U "$super" -d postgres 2>"$out" \
        <<<"select count(*) from pg_stat_wal_receiver where status = 'streaming'") == 1 ]]
}
state() {
    local line
    state=
    while IFS= read -r line; do
        [[ $line == 'Database cluster state:'* ]] && state=${line##*:} && state=${state#"${state%%[![:blank:]]*}"}
    done < <("$bin/pg_controldata" -D "$dir" 2>/dev/null </dev/null)
}
stop_it() {
    retire_units ''
    running || return 0
    kill -INT "$pid"
    wait_for 60 gone postgres "$dir" || die "the server does not stop"
}
# A standby again: nothing else may start it.
is_standby() {
    put "$dir/labctl.standby.conf" 0600 "$user:$user" <<<$'# Written by labctl.\nhot_standby = off'
    put "$dir/standby.signal" 0600 "$user:$user" ''
    rm -f -- "$dir/labctl.fenced"
}
put_aside() {
    [[ ! -e $aside ]] || die "$1; and $aside exists: remove it to copy the primary again"
    mv -T -- "$dir" "$aside" || die "cannot rename $dir"
    rm -rf -- "$half" "$log"
    warn "$1: the primary is copied instead, and the old data is in $aside"
    changed "$dir is now $aside"
    exit 0
}

if [[ ! -e $dir/labctl.fenced && ! -e $half ]]; then
    ! running || ! streams || exit 0
    state
    # A standby that cannot follow, because it has more than the new primary; one that crashed starts again first.
    if running; then stop_it; state; fi
    [[ $state == 'shut down in recovery' || $state == 'shut down' ]] || exit 0
fi
stop_it
[[ ! -e $half ]] || put_aside "pg_rewind was interrupted"
pass_text @{secret.postgres:sh}
secret_file "$out.pgpass" "$user" "$text"
# A checkpoint of the new timeline: pg_rewind looks at the last one.
"$bin/psql" -XAtqw -d "$there" -c checkpoint >/dev/null 2>"$out" </dev/null || { evidence "$out"; die "the primary $host does not answer"; }
if [[ -e $dir/labctl.fenced ]]; then
    state
    if [[ $state != 'shut down' ]]; then
        # It crashed: its WAL must be applied first, which a single process does, but not as a standby.
        rm -f -- "$dir/standby.signal"
        as "$user" "$bin/postgres" --single -D "$dir" template1 >"$out" 2>&1 || { evidence "$out"; put_aside "the data cannot be recovered"; }
    fi
fi
# A file of root's that pg_rewind would have to replace. It copies the primary's log, too.
rm -f -- "$dir/labctl.reloaded"
[[ ! -d $dir/log || -e $log ]] || mv -T -- "$dir/log" "$log" || die "cannot rename $dir/log"
: >"$half"
as "$user" "$bin/pg_rewind" -D "$dir" --source-server="$there" >"$out" 2>&1 || { evidence "$out" 3; put_aside "pg_rewind failed"; }
is_standby
rm -rf -- "$half" "$dir/labctl.reloaded" "$dir/log" "$dir"/pg_replslot/*
[[ ! -d $log ]] || mv -T -- "$log" "$dir/log" || die "cannot rename $log"
(( lost == 0 )) || warn "$lost transactions that only this server had are gone"
changed "rewound $dir to the history of $host"
