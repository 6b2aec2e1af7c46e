# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# A copy of the primary, through the slot that waits for this standby there.

dir=@{dir:sh} user=@{user:sh} own_port=@{port:sh} name=@{nodename:sh} host=@{primary.address:sh} port=@{primary.port:sh}
new=$dir.labctl-new out=/run/labctl/@{nodename:sh}.init passfile=/etc/labctl/postgres-@{role:raw}.pgpass
slot=${name,,}
slot=${slot//[^a-z0-9_]/_}
primary="host=$host port=$port user=replication passfile=$passfile connect_timeout=10"

# programs: the directory of the programs of the version that made DIR, or of the newest, in the variable bin.
programs() {
    local version
    if { read -r version <"$dir/PG_VERSION"; } 2>/dev/null; then
        bin=/usr/lib/postgresql/$version/bin
        [[ -x $bin/postgres ]] || die "$dir was made by PostgreSQL $version, which is not in the image"
        return 0
    fi
    newest pg_basebackup
}

put_password() {
    local text
    pass_text @{secret.replication:sh}
    ensure_dir /etc/labctl 755 root:root
    put "$passfile" 0600 "$user:$user" <<<"$text"
}

# asked: the primary's system identifier, in the variable system.
asked() {
    system=$("$bin/psql" -XAtqw -d "$primary replication=true" -c IDENTIFY_SYSTEM 2>"$out" </dev/null) || return 1
    system=${system%%|*}
    [[ -n $system ]]
}

# own: the system identifier of DIR, in the variable mine.
own() {
    local line
    mine=
    while IFS= read -r line; do
        [[ $line == 'Database system identifier:'* ]] && mine=${line##*[[:blank:]]}
    done < <("$bin/pg_controldata" "$dir" 2>/dev/null)
}

copy() {
    local lock
    # Should the script of a labctl that was killed still be at it: one after the other.
    exec {lock}>/run/labctl/postgres.init.lock
    flock -w 300 "$lock" || die "another copy into $dir does not end"
    [[ ! -e $dir/PG_VERSION ]] || return 0
    [[ $dir =~ ^/[A-Za-z0-9_./-]+$ ]] || die "$dir: only letters, digits and _ . / - fit into a unit file"
    port=$own_port stop_moved labctl-postgres-@{role:raw}.service
    new_dir database
    as "$user" "$bin/pg_basebackup" -D "$new" -d "$primary" -w -X stream -S "$slot" -c fast >"$out" 2>&1 ||
        { evidence "$out"; die "cannot copy the primary $host"; }
    # What the primary has said is not the standby's story.
    rm -rf -- "$new/log"
    ( umask 077; printf '' >"$new/standby.signal" ) && chown "$user:" "$new/standby.signal" &&
        rm -f -- "$new/labctl.reloaded" && mv -T -- "$new" "$dir" || die "cannot make $dir"    # whole or not at all
    exec {lock}>&-
    changed "copied the primary $host to $dir"
}

[[ -d /run/labctl ]] || mkdir -p /run/labctl
programs
put_password
wait_for 20 asked || { evidence "$out" 3; die "the primary $host does not answer on port $port"; }
[[ -e $dir/PG_VERSION ]] || copy
own
[[ $mine == "$system" ]] ||
    die "$dir belongs to another database system ($mine, the primary is $system): move it away, or give the primary its own back"
[[ -e $dir/standby.signal ]] ||
    die "$dir is not a standby any more: it was promoted; move it away to have a new copy of $host made"
put "$dir/labctl.standby.conf" 0600 "$user:$user" <<END
# Written by labctl; changes made here are lost.
primary_conninfo = 'host=$host port=$port user=replication passfile=$passfile'
primary_slot_name = '$slot'
END
