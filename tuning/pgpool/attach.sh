# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Attaches backends again that pgpool detached and that answer again.

dir=@{dir:sh} user=@{user:sh} super=@{superuser:sh} database=@{database:sh} out=/run/labctl/@{nodename:sh}.attach
for psql in /usr/lib/postgresql/*/bin/psql; do :; done

names=() addresses=() ports=()
@{each backend}
names+=(@{peer.nodename:sh}) addresses+=(@{peer.ip:sh}) ports+=(@{peer.port:sh})
@{end}

# pcp COMMAND...: sends a command to the running pgpool, with the password in a file that only its user can read.
pcp() { as "$user" env PCPPASSFILE="$dir/pcppass" "$(type -P "pcp_$1")" -w -U admin -h /run/postgresql -p 9898 "${@:2}" 2>"$out"; }

# One line per backend: host, port and status: 1 and 2 = up, 3 = down.
look() { pcp node_info >"$out.nodes" && mapfile -t nodes <"$out.nodes" && (( ${#nodes[@]} == ${#names[@]} )); }
down() { local state; read -r _ _ state _ <<<"${nodes[$1]}"; [[ $state == 3 ]]; }
back() { look && ! down "$1"; }

answers() {
    "$psql" -XAtqw -c 'select 1' >/dev/null 2>"$out" </dev/null \
        -d "host=${addresses[$1]} port=${ports[$1]} user=$super dbname=$database connect_timeout=10"
}

wait_for 15 look || { evidence "$out"; evidence "$out.nodes"; die "pgpool did not list its ${#names[@]} backends"; }
for i in "${!names[@]}"; do
    down "$i" || continue
    pass_file "$out.pgpass" @{secret.postgres:sh}
    answers "$i" || { evidence "$out"; die "${names[i]} does not answer: pgpool continues without it"; }
    # pgpool may have attached it by itself meanwhile.
    pcp attach_node -n "$i" >/dev/null || back "$i" || { evidence "$out"; die "pgpool cannot attach ${names[i]}"; }
    wait_for 40 back "$i" || die "pgpool did not attach ${names[i]} within 40 s"
    changed "attached ${names[i]} again"
done
