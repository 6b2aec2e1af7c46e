# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# A backend that pgpool has given up and that answers again is attached again.

dir=@{dir:sh} user=@{user:sh} super=@{superuser:sh} database=@{database:sh} out=/run/labctl/@{nodename:sh}.attach
for psql in /usr/lib/postgresql/*/bin/psql; do :; done

names=() addresses=() ports=()
@{each backend}
names+=(@{peer.nodename:sh}) addresses+=(@{peer.ip:sh}) ports+=(@{peer.port:sh})
@{end}

# pcp COMMAND...: asks the running pgpool, with the password in a file that only its user reads.
pcp() { as "$user" env PCPPASSFILE="$dir/pcppass" "$(type -P "pcp_$1")" -w -U admin -h /run/postgresql -p 9898 "${@:2}" 2>"$out"; }

# Per backend: host, port, and what pgpool thinks of it: 1 and 2 = used, 3 = given up.
look() { pcp node_info >"$out.nodes" && mapfile -t nodes <"$out.nodes" && (( ${#nodes[@]} == ${#names[@]} )); }
down() { local state; read -r _ _ state _ <<<"${nodes[$1]}"; [[ $state == 3 ]]; }
back() { look && ! down "$1"; }

answers() {
    "$psql" -XAtqw -c 'select 1' >/dev/null 2>"$out" </dev/null \
        -d "host=${addresses[$1]} port=${ports[$1]} user=$super dbname=$database connect_timeout=10"
}

wait_for 15 look || { evidence "$out"; evidence "$out.nodes"; die "pgpool does not tell its ${#names[@]} backends"; }
for i in "${!names[@]}"; do
    down "$i" || continue
    pass_file "$out.pgpass" @{secret.postgres:sh}
    answers "$i" || { evidence "$out"; die "${names[i]} does not answer: pgpool goes on without it"; }
    # It may have come back by itself meanwhile.
    pcp attach_node -n "$i" >/dev/null || back "$i" || { evidence "$out"; die "pgpool does not attach ${names[i]}"; }
    wait_for 20 back "$i" || die "pgpool does not attach ${names[i]}"
    changed "attached ${names[i]} again"
done
