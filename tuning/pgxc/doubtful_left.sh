# SPDX-License-Identifier: PostgreSQL
# After the GTM was lost and clients are served again: is a transaction left between the two phases of its commit, by a coordinator
# that crashed since doubtful.sh? It holds locks, and nobody else ends it. Changes nothing.

user=@{user:sh} bin=@{prefix:sh}/bin unclean=@{value.unclean:sh}

(( unclean )) || exit 0
# Clients work, so a young one is normal.
old="select gid || ' of database ' || database from pg_catalog.pg_prepared_xacts where gid ~ '^(T|_[$]XC[$])[0-9]+\$' and prepared < now() - interval '15 s'"
look() {
    local rows line
    rows=$(within 20 as "$user" "$bin/psql" -XAtqw -h "$2" -p "$3" -U postgres -c "$old" postgres 2>/dev/null) || left+=("$1 does not answer")
    while IFS= read -r line; do [[ -z $line ]] || left+=("$1: $line"); done <<<"$rows"
}
none_left() {
    left=()
@{each datanode}
    look @{peer.nodename:sh} @{peer.ip:sh} @{peer.port}
@{end}
@{each coordinator}
    look @{peer.nodename:sh} @{peer.ip:sh} @{peer.port}
@{end}
    (( ! ${#left[@]} ))
}
wait_for 60 none_left && exit 0
for line in "${left[@]}"; do printf '::evidence %s\n' "$line"; done
printf '::next labctl -l %s start    (ends those that are older than five minutes; until then they hold locks)\n' @{lab.name:sh}
die "transactions are left that were prepared but not committed"
