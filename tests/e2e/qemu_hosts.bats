# SPDX-License-Identifier: PostgreSQL
# Emulated machines of one lab on two hosts (as lxc_hosts): each host serves the data of its own by NFS.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	source "$SOURCE_DIR/tests/support/two-hosts.bash"
	hosts_up qhosts
	PATH="${LABCTL%/*}:$PATH"
	hosts_link
	cat >"$WORK/lab.yaml" <<-EOF
		lab: duo
		hypervisor: qemu
		image: debian13
		nodes: 2
		defaults: {memory: 512MiB, cpus: 1}
		hosts:
		  - {name: a, underlay: 192.0.2.1}
		  - {name: b, ssh: $OTHER, underlay: 192.0.2.2}
		cluster: {kind: postgres}
	EOF
	states before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	source "$SOURCE_DIR/tests/support/two-hosts.bash"
	hosts_down
}

setup() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	source "$SOURCE_DIR/tests/support/two-hosts.bash"
}

@test "create boots a machine on each host, with its data from that host" {
	labctl --timings -f "$WORK/lab.yaml" create
	[ "$(there virsh -q -c qemu:///system list --name | sed '/^$/d')" = duo-node2 ]
	labctl -l duo exec -- 'findmnt -no FSTYPE,SOURCE /data; echo "$(hostname)" >/data/hello' >"$WORK/mounts"
	grep -qE "^node1.* nfs4 +10\.88\.[0-9]+\.1:$LABCTL_STATE/labs/duo/data/node1$" "$WORK/mounts"
	grep -qE "^node2.* nfs4 +10\.88\.[0-9]+\.254:$WORK/b/labctl/labs/duo/data/node2$" "$WORK/mounts"
	[ "$(<"$LABCTL_STATE/labs/duo/data/node1/hello")" = node1 ]
	[ "$(<"$WORK/b/labctl/labs/duo/data/node2/hello")" = node2 ]
	[ ! -e "$LABCTL_STATE/labs/duo/data/node2" ]
}

@test "what a machine reads is what its host has, by NFS in pieces of all sizes" {
	for n in 1 2; do
		dir=$LABCTL_STATE/labs/duo/data/node1
		[ "$n" = 1 ] || dir=$WORK/b/labctl/labs/duo/data/node2
		head -c 3000000 /dev/urandom >"$dir/random"
		truncate -s 5M "$dir/random"
		head -c 30001 "$dir/random" >"$dir/small"
		(cd "$dir" && md5sum random small) >"$WORK/sums"
		labctl -l duo exec "$n" -- 'cd /data && md5sum random small && rm random small' | sed 's/^node[12] *//' >"$WORK/read"
		diff "$WORK/sums" "$WORK/read"
	done
}

@test "the machines are on one network with one gateway; a second create changes nothing" {
	labctl -l duo exec 1 -- 'ping -q -c 1 -W 5 -M do -s 1422 node2'
	labctl -l duo exec 2 -- 'getent hosts node1 && ip -o route get 192.0.2.99 | grep -qE "via 10\.88\.[0-9]+\.1 "'
	run -0 --separate-stderr labctl --json -l duo create
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	# Who answers DHCP and DNS: the first host only.
	inside sh -c 'ls /var/lib/libvirt/dnsmasq/labctl-duo.conf'
	run ! there sh -c 'ls /var/lib/libvirt/dnsmasq/labctl-duo.conf'
}

@test "bootstrap postgres: rows of the primary are read on the standby of the other host" {
	labctl --timings -l duo bootstrap postgres
	ran postgres "$(labctl -l duo psql node1 -- -XAtc 'SHOW server_version' | awk '{print $1}')"
	labctl -l duo psql node1 -- -qc 'CREATE TABLE e2e AS SELECT generate_series(1, 1000) AS n'
	for _ in $(seq 50); do
		got=$(labctl -l duo psql node2 -- -Atc "SELECT count(*) FROM e2e" 2>/dev/null || true)
		[ "$got" = 1000 ] && break
		sleep 0.2
	done
	[ "$got" = 1000 ]
}

@test "destroy leaves nothing on either host" {
	labctl -l duo destroy
	states after
	same_states before after
}
