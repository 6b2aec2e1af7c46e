# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Ends the server of an old primary cleanly and makes its directory a standby's, once the new primary has all that it wrote.
# Does nothing where the server is a standby.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} user=@{user:sh} out=/run/labctl/@{nodename:sh}.leave
new=@{primary.ip:sh} new_port=@{primary.port:sh} new_name=@{primary.hostname:sh}

[[ -e $dir/PG_VERSION && ! -e $dir/standby.signal ]] || exit 0
[[ -d /run/labctl ]] || mkdir -p /run/labctl
read -r version <"$dir/PG_VERSION"
bin=/usr/lib/postgresql/$version/bin
[[ -x $bin/postgres ]] || die "$dir was made by PostgreSQL $version, which is not in the image"

running() { pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir"; }
here() { "$bin/psql" -XAtqw -h /run/postgresql -p "$port" -U "$super" -d postgres -c "$1" 2>"$out" </dev/null; }
there() { "$bin/psql" -XAtqw -d "host=$new port=$new_port user=$super dbname=postgres connect_timeout=10" -c "$1" 2>"$out" </dev/null; }

# control FIELD: sets value to a line of pg_controldata.
control() {
    local line
    value=
    while IFS= read -r line; do
        [[ $line == "$1:"* ]] && { value=${line#"$1:"}; value=${value#"${value%%[![:blank:]]*}"}; return 0; }
    done < <("$bin/pg_controldata" -D "$dir" 2>"$out" </dev/null)
    return 1
}

# A server that ends waits until its standbys have all of the WAL: do not wait for one that is silent, except the new primary.
let_others_go() {
    local at title
    processes postgres "$dir" || return 0
    for at in $pids; do
        title= # it may end meanwhile
        { IFS= read -r -d '' title <"/proc/$at/cmdline"; } 2>/dev/null
        [[ $title != *'walsender '* || $title == *" $new("* ]] || kill "$at"
    done
}

# The last checkpoint is the last thing that a server writes.
has_all() { [[ $(there "select not pg_is_in_recovery() or pg_last_wal_replay_lsn() > '$last'") == t ]]; }

pass_file "$out.pgpass" @{secret.postgres:sh}
if running; then
    [[ $(here "select count(*) from pg_stat_replication where client_addr = '$new' and state = 'streaming'") == 1 ]] ||
        { evidence "$out"; die "$new_name does not stream from this primary: nothing was stopped"; }
    here checkpoint >/dev/null || { evidence "$out"; die "the primary cannot write a checkpoint"; }     # or the next one, without clients, takes long
    kill -INT "$pid"
    if ! wait_for 10 gone postgres "$dir"; then
        let_others_go
        wait_for 80 gone postgres "$dir" || die "the primary does not stop"
    fi
fi
control 'Database cluster state'
if [[ $value != 'shut down' ]]; then
    printf '::next %s\n' 'labctl -l @{lab.name:raw} start @{node.name:raw}; if it cannot start: labctl -l @{lab.name:raw} failover primary'
    die "the primary did not end cleanly ($value): @{primary.hostname:raw} may lack what it wrote"
fi
control 'Latest checkpoint location' && last=$value
if ! wait_for 60 has_all; then
    evidence "$out"
    printf '::next %s\n' 'labctl -l @{lab.name:raw} start @{node.name:raw}    (the primary works again as before)'
    die "$new_name does not have all that the primary wrote, up to $last"
fi

# Until it follows the new primary, it answers nobody. Its slots would keep WAL for nobody.
put "$dir/labctl.standby.conf" 0600 "$user:$user" <<'END'
# Written by labctl: another server took over from this one.
hot_standby = off
END
put "$dir/standby.signal" 0600 "$user:$user" ''
slot() { local name=${1,,}; rm -rf -- "$dir/pg_replslot/${name//[^a-z0-9_]/_}"; }
@{each standby}
slot @{peer.nodename:sh}
@{end}
retire_units ''
changed "stopped the old primary: $new_name has all that it wrote"
