# SPDX-License-Identifier: PostgreSQL
# A new coordinator or datanode joins a cluster that exists. 1.0 has no way to copy one: it gets the definitions of all databases
# from a coordinator, in sessions that say they come from a coordinator, so that they are not sent on to other nodes; a coordinator
# also the nodes, and where the tables are. Then the coordinators get to know it. They are closed to clients meanwhile
# (coordinator.shut.sh), so that nobody changes a definition, and no session goes on that knows fewer nodes. In a cluster that is
# made just now it does nothing.

role=@{role:sh} dir=@{dir:sh} old=@{value.old:sh}
[[ -e $dir/labctl.joins ]] || exit 0
# postmaster.init.sh has looked at every coordinator, and all are new: there are no definitions.
if [[ $old == 1 ]]; then
    rm -f -- "$dir/labctl.joins" || die "cannot write $dir"
    exit 0
fi
. /var/lib/labctl/boot/@{nodename:sh}.cluster
begin_work join
password=@{secret.postgres:sh}
pass_text "$password"
secret_file "$work/password" "$user" "$text"
lab=@{lab.name:sh} node_name=@{node.name:sh}
advice="labctl -l $lab node remove $node_name, then node add again    (removal opens the coordinators)"

# A coordinator that knows other datanodes: one that works. New ones are behind it.
source=
for i in "${!names[@]}"; do
    [[ ${types[i]} == coordinator && ${names[i]} != "$name" ]] || continue
    count=$(ask "${ips[i]}" "${ports[i]}" postgres "select count(*) from pgxc_node where node_type = 'D' and node_name <> '$name'") ||
        failed "${names[i]} does not answer"
    (( ! count )) || { source=$i; break; }
done
if [[ -z $source ]]; then
    rm -f -- "$dir/labctl.joins" || die "cannot write $dir"
    exit 0
fi
from=("${ips[source]}" "${ports[source]}")

if [[ $role == coordinator ]]; then
    known=$(ask "${here[@]}" postgres "select node_name from pgxc_node") || failed "the new coordinator does not answer"
    for i in "${!names[@]}"; do
        [[ $'\n'$known$'\n' != *$'\n'"${names[i]}"$'\n'* ]] || continue
        tell "${here[@]}" postgres -c "create node \"${names[i]}\" with (type = ${types[i]}, host = '${hosts[i]}', port = ${ports[i]}${flags[i]})" ||
            failed "cannot register ${names[i]} at the new coordinator"
    done
fi

# Until it is complete: postmaster.init.sh makes the directory anew.
printf '' >"$dir/labctl.loading" || die "cannot write $dir"
within 600 as "$user" /usr/bin/env "PGPASSFILE=$work/password" "$bin/pg_dumpall" -s -h "${from[0]}" -p "${from[1]}" -U postgres >"$work/dump" \
    2>"$work/err" || failed "cannot read the definitions of ${names[source]}"
sed -i '/^CREATE ROLE "\{0,1\}postgres"\{0,1\};$/d' "$work/dump" && chown -- "$user:" "$work/dump" || die "cannot write $work/dump"
tell "${here[@]}" postgres -f "$work/dump" || failed "cannot load the definitions of ${names[source]}"
[[ $role != coordinator ]] || place "${from[@]}" "${names[source]}"

for i in "${!names[@]}"; do
    [[ ${types[i]} == coordinator && ${names[i]} != "$name" ]] || continue
    known=$(ask "${ips[i]}" "${ports[i]}" postgres "select node_name from pgxc_node") || failed "${names[i]} does not answer"
    [[ $'\n'$known$'\n' != *$'\n'"$name"$'\n'* ]] || continue
    tell "${ips[i]}" "${ports[i]}" postgres -c "create node \"$name\" with (type = $role, host = '$address', port = $port)" ||
        failed "cannot register the new $role at ${names[i]}"
done
rm -f -- "$dir/labctl.joins" "$dir/labctl.loading" || die "cannot write $dir"
rm -rf -- "$work"
changed "joined the cluster, with the definitions of ${names[source]}"
