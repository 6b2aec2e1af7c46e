# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Copies the primary through this standby's replication slot there.

dir=@{dir:sh} user=@{user:sh} own_port=@{port:sh} name=@{nodename:sh} host=@{primary.address:sh} port=@{primary.port:sh}
new=$dir.labctl-new out=/run/labctl/@{nodename:sh}.init passfile=/etc/labctl/postgres-@{role:raw}.pgpass
slot=${name,,}
slot=${slot//[^a-z0-9_]/_}
primary="host=$host port=$port user=replication passfile=$passfile connect_timeout=10"

# programs: sets bin to the program directory of the version that made DIR, or of the newest version.
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

# asked: sets system to the primary's system identifier.
asked() {
    system=$("$bin/psql" -XAtqw -d "$primary replication=true" -c IDENTIFY_SYSTEM 2>"$out" </dev/null) || return 1
    system=${system%%|*}
    [[ -n $system ]]
}

# own: sets mine to the system identifier of DIR.
own() {
    local line
    mine=
    while IFS= read -r line; do
        [[ $line == 'Database system identifier:'* ]] && mine=${line##*[[:blank:]]}
    done < <("$bin/pg_controldata" "$dir" 2>/dev/null)
}

copy() {
    local lock
    # The script of a labctl that was killed may still be running: wait for it.
    exec {lock}>/run/labctl/postgres.init.lock
    flock -w 300 "$lock" || die "another copy into $dir is still running after 300 s"
    [[ ! -e $dir/PG_VERSION ]] || return 0
    [[ $dir =~ ^/[A-Za-z0-9_./-]+$ ]] || die "$dir: only letters, digits and _ . / - are allowed, for the unit file"
    port=$own_port stop_moved labctl-postgres-@{role:raw}.service
    new_dir database
    as "$user" "$bin/pg_basebackup" -D "$new" -d "$primary" -w -X stream -S "$slot" -c fast >"$out" 2>&1 ||
        { evidence "$out"; die "cannot copy the primary $host"; }
    # Remove the copy of the primary's log.
    rm -rf -- "$new/log"
    ( umask 077; printf '' >"$new/standby.signal" ) && chown "$user:" "$new/standby.signal" &&
        rm -f -- "$new/labctl.reloaded" && mv -T -- "$new" "$dir" || die "cannot create $dir"    # complete or not at all
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
    die "$dir belongs to another database system ($mine; the primary's is $system): move it away to copy the primary again, or restore the primary's own data directory"
if [[ ! -e $dir/standby.signal || -e $dir/labctl.fenced || -e $dir.labctl-rewind ]]; then
    printf '::next %s\n' 'labctl -l @{lab.name:raw} rejoin @{node.name:raw}'
    die "$dir was a primary's, and no longer follows $host: it must rejoin"
fi
put "$dir/labctl.standby.conf" 0600 "$user:$user" <<END
# Written by labctl; changes made here are lost.
primary_conninfo = 'host=$host port=$port user=replication passfile=$passfile'
primary_slot_name = '$slot'
END
