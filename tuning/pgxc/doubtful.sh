# SPDX-License-Identifier: PostgreSQL
# Ends transactions on several nodes whose coordinator was stopped between the two phases of their commit: they hold locks, and
# nobody else ends them. Committed if one node has committed it, else rolled back: no client was told that it is committed.
# pgxc_clean leaves those that no node has ended. Runs on one coordinator: after the GTM was lost, while no client can connect, it
# ends all; at other times those that are older than five minutes, which no coordinator is still working on: postmaster.start.sh
# has counted them on each server.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin unclean=@{value.unclean:sh} doubtful=@{value.doubtful:sh}
out=/run/labctl/@{nodename:sh}.doubtful

(( unclean || doubtful )) || exit 0
mkdir -p /run/labctl
names=() hosts=() ports=()
node() { names+=("$1") hosts+=("$2") ports+=("$3"); }
@{each datanode}
node @{peer.nodename:sh} @{peer.ip:sh} @{peer.port}
@{end}
@{each coordinator}
node @{peer.nodename:sh} @{peer.ip:sh} @{peer.port}
@{end}

# ask NODE DATABASE SQL
ask() {
    within 60 as "$user" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -F ' ' -h "${hosts[$1]}" -p "${ports[$1]}" -U postgres -c "$3" "$2" 2>"$out" ||
        { evidence "$out" 5; die "${names[$1]} does not answer"; }
}

# Those that a coordinator has named, not a client: "T1234", in Postgres-XL "_$XC$1234".
age=$(( unclean ? 0 : 300 ))
prepared="select gid, database from pg_catalog.pg_prepared_xacts where gid ~ '^(T|_[$]XC[$])[0-9]+\$' and prepared <= now() - interval '$age s' order by 1"
list='' all=''
for i in "${!names[@]}"; do
    rows=$(ask "$i" postgres "$prepared") || { printf '%s\n' "$rows"; exit 1; }
    while read -r gid database; do
        [[ -n $gid ]] || continue
        xid=${gid##*[!0-9]}
        list+="$i $xid $gid $database"$'\n'
        [[ " $all " == *" $xid "* ]] || all+=" $xid"
    done <<<"$rows"
done
committed='' done_commit=0 done_rollback=0
for xid in $all; do
    for i in "${!names[@]}"; do
        row=$(ask "$i" postgres "select pgxc_is_committed('$xid'::xid)") || { printf '%s\n' "$row"; exit 1; }
        [[ $row != t ]] || { committed+=" $xid"; break; }
    done
    if [[ " $committed " == *" $xid "* ]]; then (( ++done_commit )); else (( ++done_rollback )); fi
done
while read -r i xid gid database; do
    [[ -n $xid ]] || continue
    how=ROLLBACK
    [[ " $committed " != *" $xid "* ]] || how=COMMIT
    row=$(ask "$i" "$database" "$how PREPARED '$gid'") || { printf '%s\n' "$row"; exit 1; }
done <<<"$list"
[[ -z $all ]] || changed "transactions in doubt, prepared on several nodes: $done_commit committed, since a node had; $done_rollback rolled back"
