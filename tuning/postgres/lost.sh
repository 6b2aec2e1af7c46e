# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Counts the transactions that this server committed and the primary does not have: the commits in its WAL after the place
# where the primary's history left its own; before a failover, those after the WAL that the standby has applied (value.has).
# Prints nothing if they cannot be counted. Changes nothing.

dir=@{dir:sh} user=@{user:sh} port=@{port:sh} super=@{superuser:sh} has=@{value.has:sh} out=/run/labctl/@{nodename:sh}.lost
host=@{primary.ip:sh} host_port=@{primary.port:sh}

[[ -e $dir/PG_VERSION ]] || exit 0
[[ -d /run/labctl ]] || mkdir -p /run/labctl
read -r version <"$dir/PG_VERSION"
bin=/usr/lib/postgresql/$version/bin
[[ -x $bin/pg_waldump ]] || exit 0

# A standby that receives WAL has nothing of its own.
streams() {
    [[ -S /run/postgresql/.s.PGSQL.$port ]] && [[ $("$bin/psql" -XAtqw -h /run/postgresql -p "$port" -U "$super" -d postgres 2>"$out" \
        <<<"select count(*) from pg_stat_wal_receiver where status = 'streaming'") == 1 ]]
}
if [[ -e $dir/standby.signal && ! -e $dir/labctl.fenced ]] && streams; then
    echo '::value lost 0'
    exit 0
fi

segment=0 timeline=0
while IFS= read -r line; do
    case $line in
    "Latest checkpoint's TimeLineID:"*) timeline=${line##*[[:blank:]]};;
    'Bytes per WAL segment:'*)          segment=${line##*[[:blank:]]};;
    esac
done < <("$bin/pg_controldata" -D "$dir" 2>/dev/null </dev/null)
(( segment && timeline )) || exit 0

# forked: sets has to the place where the primary's timeline left ours; false if it did not.
forked() {
    local theirs line ours place
    pass_file "$out.pgpass" @{secret.replication:sh}
    ask() { "$bin/psql" -XAtqw -d "host=$host port=$host_port user=replication replication=true connect_timeout=10" -c "$1" 2>"$out" </dev/null; }
    IFS='|' read -r _ theirs _ < <(ask IDENTIFY_SYSTEM)
    [[ -n ${theirs-} ]] || exit 0
    [[ $theirs != "$timeline" ]] || return 1
    while read -r ours place _; do
        ours=${ours##*|}
        [[ $ours == "$timeline" && $place == */* ]] || continue
        has=$(( (16#${place%/*} << 32) + 16#${place#*/} ))
        return 0
    done < <(ask "TIMELINE_HISTORY $theirs")
    exit 0
}

if (( ! has )) && ! forked; then
    echo '::value lost 0'
    exit 0
fi
per=$(( 0x100000000 / segment )) number=$(( has / segment ))
printf -v file '%08X%08X%08X' "$timeline" $(( number / per )) $(( number % per ))
[[ -e $dir/pg_wal/$file ]] || exit 0
printf -v place '%X/%X' $(( has >> 32 )) $(( has & 0xffffffff ))
# It ends with an error at the end of the WAL.
lost=0
while IFS= read -r line; do
    [[ $line == *' desc: COMMIT '* ]] && (( ++lost ))
done < <(within 60 as "$user" "$bin/pg_waldump" -p "$dir/pg_wal" -t "$timeline" -s "$place" -r Transaction 2>"$out")
echo "::value lost $lost"
(( ! lost )) || printf '::say %s transactions are on this server only\n' "$lost"
