# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: PostgreSQL
# What coordinator.place.sh, moves.sh and postmaster.join.sh share: the servers of the cluster, how they are asked, and where tables are.
# They read it as a file.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} name=@{nodename:sh} address=@{address:sh}
here=("$dir" "$port")

names=() types=() hosts=() ips=() ports=() flags=()
node() { names+=("$1") types+=("$2") hosts+=("$3") ips+=("$4") ports+=("$5") flags+=("$6"); }
@{each datanode}
node @{peer.nodename:sh} datanode @{peer.address:sh} @{peer.ip:sh} @{peer.port} ", primary = @{peer.first}, preferred = @{peer.self}"
@{end}
@{each coordinator}
node @{peer.nodename:sh} coordinator @{peer.address:sh} @{peer.ip:sh} @{peer.port} ""
@{end}

# begin_work NAME: makes work an empty directory of the cluster's user.
begin_work() {
    work=/run/labctl/@{nodename:sh}.$1
    rm -rf -- "$work" && mkdir -p -- "$work" && chown -- "$user:" "$work" && chmod 700 "$work" || die "cannot create $work"
}

# ask HOST PORT DATABASE QUERY
ask() {
    within 60 as "$user" /usr/bin/env "PGPASSFILE=$work/password" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -F ' ' -h "$1" -p "$2" \
        -U postgres -c "$4" "$3" 2>"$work/err"
}
# tell HOST PORT DATABASE ARGUMENT...: in a session of a coordinator: the statements stay on that server. Such a session describes
# rows in a form of its own, so it cannot be asked.
tell() {
    within 600 as "$user" /usr/bin/env "PGPASSFILE=$work/password" "PGOPTIONS=-c remotetype=coordinator" "$bin/psql" -XAtqw \
        -v ON_ERROR_STOP=1 -h "$1" -p "$2" -U postgres "${@:4}" "$3" >/dev/null 2>"$work/err"
}
failed() {
    evidence "$work/err" 5
    printf '::next %s\n' "$advice"
    die "$1"
}

# place HOST PORT NAME: gives the tables of this coordinator the datanodes that they have on the coordinator NAME; sets tables to their
# number, and placed to the number of those that had others. No definition says where a table is; the order of its datanodes counts,
# too. And the number of a node differs in every catalog.
where="select (select string_agg(n.node_name::text, ',' order by i) from generate_series(0, array_upper(x.nodeoids::oid[], 1)) i
    join pgxc_node n on n.oid = x.nodeoids[i]), x.pclocatortype, x.pcattnum, quote_ident(s.nspname) || '.' || quote_ident(c.relname)
    from pgxc_class x join pg_class c on c.oid = x.pcrelid join pg_namespace s on s.oid = c.relnamespace order by 4"
# Rows that were written just now may be invisible to a new session for a moment.
look()   { mine=$(ask "${here[@]}" "$database" "$where"); }
loaded() { look && [[ ${mine//[!$'\n']/} == "${there//[!$'\n']/}" && ( -n $mine || -z $there ) ]]; }
same()   { look && [[ $mine == "$there" ]]; }
place() {
    local databases database there mine line nodes table oids list
    tables=0 placed=0
    databases=$(ask "$1" "$2" postgres "select datname from pg_catalog.pg_database where datallowconn order by 1") || failed "$3 does not answer"
    while IFS= read -r database; do
        there=$(ask "$1" "$2" "$database" "$where") || failed "cannot read the tables of database $database on $3"
        wait_for 60 loaded || failed "tables of database $database are missing on $name"
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
            (( ++placed ))
        done <<<"$there"
        wait_for 60 same || failed "the tables of database $database are not the same as on $3"
    done <<<"$databases"
}
