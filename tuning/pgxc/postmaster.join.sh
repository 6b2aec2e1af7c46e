# SPDX-License-Identifier: PostgreSQL
# A new coordinator joins a cluster that exists. 1.0 has no way to copy one: it gets the nodes, and the definitions of all databases
# from another coordinator, in sessions that say they come from a coordinator, so that they are not sent on to other nodes. Then
# the others get to know it. They are closed to clients meanwhile (coordinator.shut.sh), so that nobody changes a definition, and
# no session goes on that knows fewer coordinators. In a cluster that is made just now it does nothing.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} name=@{nodename:sh}
address=@{address:sh} work=/run/labctl/@{nodename:sh}.join

[[ -e $dir/labctl.joins ]] || exit 0
rm -rf -- "$work" && mkdir -p -- "$work" && chown -- "$user:" "$work" && chmod 700 "$work" || die "cannot create $work"

names=() types=() hosts=() ips=() ports=() flags=()
node() { names+=("$1") types+=("$2") hosts+=("$3") ips+=("$4") ports+=("$5") flags+=("$6"); }
@{each datanode}
node @{peer.nodename:sh} datanode @{peer.address:sh} @{peer.ip:sh} @{peer.port} ", primary = @{peer.first}, preferred = @{peer.self}"
@{end}
@{each coordinator}
node @{peer.nodename:sh} coordinator @{peer.address:sh} @{peer.ip:sh} @{peer.port} ""
@{end}

# ask HOST PORT DATABASE QUERY
ask() {
    within 60 as "$user" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -F ' ' -h "$1" -p "$2" -U postgres -c "$4" "$3" 2>"$work/err"
}
# tell HOST PORT DATABASE ARGUMENT...: in a session of a coordinator: the statements stay on that server. Such a session describes
# rows in a form of its own, so it cannot be asked.
tell() {
    within 600 as "$user" /usr/bin/env "PGOPTIONS=-c remotetype=coordinator" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -h "$1" -p "$2" \
        -U postgres "${@:4}" "$3" >/dev/null 2>"$work/err"
}
failed() {
    evidence "$work/err" 5
    printf '::next labctl -l %s node remove %s, then node add again    (removal opens the other coordinators)\n' @{lab.name:sh} @{node.name:sh}
    die "$1"
}

# Another one that knows datanodes: one that works. New ones are behind it.
source=
for i in "${!names[@]}"; do
    [[ ${types[i]} == coordinator && ${names[i]} != "$name" ]] || continue
    count=$(ask "${ips[i]}" "${ports[i]}" postgres "select count(*) from pgxc_node where node_type = 'D'") ||
        failed "${names[i]} does not answer"
    (( ! count )) || { source=$i; break; }
done
if [[ -z $source ]]; then
    rm -f -- "$dir/labctl.joins" || die "cannot write $dir"
    exit 0
fi
from=("${ips[source]}" "${ports[source]}") here=("$dir" "$port")

known=$(ask "${here[@]}" postgres "select node_name from pgxc_node") || failed "the new coordinator does not answer"
for i in "${!names[@]}"; do
    [[ $'\n'$known$'\n' != *$'\n'"${names[i]}"$'\n'* ]] || continue
    tell "${here[@]}" postgres -c "create node \"${names[i]}\" with (type = ${types[i]}, host = '${hosts[i]}', port = ${ports[i]}${flags[i]})" ||
        failed "cannot register ${names[i]} at the new coordinator"
done

# Until it is complete: postmaster.init.sh makes the directory anew.
printf '' >"$dir/labctl.loading" || die "cannot write $dir"
within 600 as "$user" "$bin/pg_dumpall" -s -h "${from[0]}" -p "${from[1]}" -U postgres >"$work/dump" 2>"$work/err" ||
    failed "cannot read the definitions of ${names[source]}"
sed -i '/^CREATE ROLE "\{0,1\}postgres"\{0,1\};$/d' "$work/dump" && chown -- "$user:" "$work/dump" || die "cannot write $work/dump"
tell "${here[@]}" postgres -f "$work/dump" || failed "cannot load the definitions of ${names[source]}"

# The dump does not say on which datanodes a table is; their order counts, too. And the number of nodes differs in no catalog.
where="select (select string_agg(n.node_name::text, ',' order by i) from generate_series(0, array_upper(x.nodeoids::oid[], 1)) i
    join pgxc_node n on n.oid = x.nodeoids[i]), x.pclocatortype, x.pcattnum, quote_ident(s.nspname) || '.' || quote_ident(c.relname)
    from pgxc_class x join pg_class c on c.oid = x.pcrelid join pg_namespace s on s.oid = c.relnamespace order by 4"
# Rows that were written just now may be invisible to a new session for a moment.
look()   { mine=$(ask "${here[@]}" "$database" "$where"); }
loaded() { look && [[ ${mine//[!$'\n']/} == "${there//[!$'\n']/}" && ( -n $mine || -z $there ) ]]; }
same()   { look && [[ $mine == "$there" ]]; }
databases=$(ask "${from[@]}" postgres "select datname from pg_database where datallowconn order by 1") || failed "${names[source]} does not answer"
tables=0
while IFS= read -r database; do
    there=$(ask "${from[@]}" "$database" "$where") || failed "cannot read the tables of database $database on ${names[source]}"
    wait_for 60 loaded || failed "tables of database $database are missing on the new coordinator"
    while IFS= read -r line; do
        [[ -n $line ]] || continue
        (( ++tables ))
        [[ $'\n'$mine$'\n' != *$'\n'"$line"$'\n'* ]] || continue
        read -r nodes _ _ table <<<"$line"
        oids="select string_agg(n.oid::text, ' ' order by i.i) from generate_series(1, array_upper(string_to_array('$nodes', ','), 1)) i(i)
            join pgxc_node n on n.node_name = (string_to_array('$nodes', ','))[i.i]"
        list=$(ask "${here[@]}" "$database" "$oids") &&
            tell "${here[@]}" "$database" -c "update pgxc_class set nodeoids = '$list' where pcrelid = '${table//\'/\'\'}'::regclass" ||
            failed "cannot place the table $table of database $database on $nodes"
    done <<<"$there"
    wait_for 60 same || failed "the tables of database $database are not the same as on ${names[source]}"
done <<<"$databases"

for i in "${!names[@]}"; do
    [[ ${types[i]} == coordinator && ${names[i]} != "$name" ]] || continue
    known=$(ask "${ips[i]}" "${ports[i]}" postgres "select node_name from pgxc_node") || failed "${names[i]} does not answer"
    [[ $'\n'$known$'\n' != *$'\n'"$name"$'\n'* ]] || continue
    tell "${ips[i]}" "${ports[i]}" postgres -c "create node \"$name\" with (type = coordinator, host = '$address', port = $port)" ||
        failed "cannot register the new coordinator at ${names[i]}"
done
rm -f -- "$dir/labctl.joins" "$dir/labctl.loading" || die "cannot write $dir"
rm -rf -- "$work"
changed "joined the cluster: $tables tables, definitions from ${names[source]}"
