# SPDX-License-Identifier: PostgreSQL
# One lab over two hosts: sandboxes, each with its own libvirt, network, sshd and state, and a link between them.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	source "$SOURCE_DIR/tests/support/two-hosts.bash"
	hosts_up hosts
	# Files are shared with this host: what labctl is installed to there must not be.
	SANDBOX=$OTHER inside sh -c 'for dir in bin lib; do mount -t tmpfs tmpfs "/usr/local/$dir"; done'
	hosts_link
	cat >"$WORK/lab.yaml" <<-EOF
		lab: duo
		hypervisor: lxc
		nodes: 4
		defaults: {memory: 512MiB}
		hosts:
		  - {name: a, underlay: 192.0.2.1}
		  - {name: b, ssh: $OTHER, underlay: 192.0.2.2, memory: 2GiB}
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

@test "host add installs labctl on the other host, and host check asks both" {
	run -6 --separate-stderr labctl -f "$WORK/lab.yaml" --json host check
	[ "$(jq -c '[.hosts[] | [.host, .fit, .labctl, .underlay]]' <<<"$output")" = \
		'[["a",true,"0.1.0","underlay, MTU 1500"],["b",false,"","underlay, MTU 1500"]]' ]
	# without a library it needs
	# shellcheck disable=SC2016
	there sh -ec 'lib=/usr/lib/$(uname -m)-linux-gnu; mkdir /dev/shm/up /dev/shm/work
		mount -t overlay overlay -o "lowerdir=$lib,upperdir=/dev/shm/up,workdir=/dev/shm/work" "$lib"; rm "$lib"/libyaml-0.so*'
	run -6 labctl -f "$WORK/lab.yaml" host add b
	[[ $output == *"host b lacks libraries that labctl needs: libyaml-0.so.2; nothing was installed"*"ssh $OTHER apt-get install libyaml-0-2"* ]]
	# shellcheck disable=SC2016
	there sh -ec 'umount -l "/usr/lib/$(uname -m)-linux-gnu"; rm -r /dev/shm/up /dev/shm/work; test ! -e /usr/local/lib/labctl'
	run -0 labctl -f "$WORK/lab.yaml" host add b
	[[ $output == *"host b: labctl 0.1.0 is installed; labctl -f $WORK/lab.yaml host remove b removes it"*"host b:"* ]]
	run -0 labctl -f "$WORK/lab.yaml" host add b
	[[ $output == *"host b: labctl 0.1.0 is there: /usr/local/lib/labctl/labctl"* ]]
	# one of another origin is not touched
	there sh -ec 'rm /usr/local/bin/labctl; printf "#!/bin/sh\necho 9.9\n" >/usr/local/bin/labctl; chmod +x /usr/local/bin/labctl'
	run -5 labctl -f "$WORK/lab.yaml" host add b
	[[ $output == *"host b: /usr/local/bin/labctl does not run; host add did not install it"* ]]
	there rm /usr/local/bin/labctl
	run -0 --separate-stderr labctl -f "$WORK/lab.yaml" --json host add b
	[ "$(jq -c '[.hosts[] | [.host, .fit]]' <<<"$output")" = '[["b",true]]' ]
}

# hosts_file NAME NODES HOST...: a lab file with these lines of `hosts`, in $WORK/NAME.yaml.
hosts_file() {
	printf 'lab: come\nhypervisor: lxc\nnodes: %s\ndefaults: {memory: 256MiB}\nhosts:\n' "$2" >"$WORK/$1.yaml"
	printf '  - %s\n' "${@:3}" >>"$WORK/$1.yaml"
}

@test "another host comes into a lab that exists, its last node goes, and then the host" {
	local a='{name: a, underlay: 192.0.2.1}' b="{name: b, ssh: $OTHER, underlay: 192.0.2.2}"

	hosts_file one 1 "$a"
	hosts_file two 2 "$a" "$b"
	hosts_file moved 2 "$a" "{name: b, ssh: $OTHER, underlay: 192.0.2.2, nodes: all}"
	labctl -f "$WORK/one.yaml" create
	labctl -f "$WORK/two.yaml" create
	run -0 --separate-stderr labctl --json -l come status
	[ "$(jq -r '[.nodes[] | .node + ":" + .host] | join(" ")' <<<"$output")" = "node1:a node2:b" ]
	labctl -l come exec 1 -- 'ping -q -c 1 -W 5 node2'
	run -5 labctl -f "$WORK/moved.yaml" create
	[[ $output == *"nodes[node1].host has a, wanted b (the machine and its data are there, and labctl moves none to another host)"* ]]
	run -5 labctl -f "$WORK/one.yaml" create
	[[ $output == *"hosts has a,b, wanted a (host b has node2)"*"labctl -l come node remove node2"* ]]
	killed_at "remove keys and record of the lab on b: done" -l come node remove node2
	labctl -l come node remove node2
	states gone
	same_host before-b gone-b
	labctl -f "$WORK/one.yaml" create
	run -0 --separate-stderr labctl --json -l come host list
	[ "$(jq -r '[.hosts[].host] | join(" ")' <<<"$output")" = a ]
	[ -z "$(inside ip -br link show type vxlan)" ]
	# node add takes in the hosts of the file, too
	run -0 labctl -f "$WORK/two.yaml" node add
	[ "$(there virsh -q -c lxc:///system list --name | sed '/^$/d')" = come-node2 ]
	labctl -l come destroy
	states gone
	same_states before gone
}

@test "a host that is lost for good is given up: its nodes go, then it; what is left there is named" {
	labctl -f "$WORK/two.yaml" create
	run -5 labctl -l come host give-up b
	[[ $output == *"host b answers"* ]]
	there ip link set underlay down
	run -0 labctl -l come host give-up b
	[[ $output == *"node2 with disks and data"*"ssh $OTHER labctl -y -l come destroy"* ]]
	run ! inside sh -c 'nft list ruleset | grep "dport 4789"'
	run -12 labctl -l come status
	[[ $output == *"node2 b "*" unknown "*"host b was given up"*"next: labctl -l come node remove node2"* ]]
	run -5 labctl -f "$WORK/two.yaml" create
	[[ $output == *"still has its nodes: node2"* ]]
	labctl -l come node remove node2
	labctl -f "$WORK/one.yaml" create
	labctl -l come destroy
	there ip link set underlay up
	there env LABCTL_YES=1 "$LABCTL" -l come destroy
	states gone
	same_states before gone
	# with the lab: destroy leaves out what is there
	labctl -f "$WORK/two.yaml" create
	there ip link set underlay down
	run -12 labctl -l come destroy
	[[ $output == *"if it never does: labctl -l come host give-up b, then destroy"* ]]
	labctl -l come host give-up b
	run -0 labctl -l come destroy
	[[ $output == *"host b was given up: what lab 'come' has there is left"* ]]
	there ip link set underlay up
	there env LABCTL_YES=1 "$LABCTL" -l come destroy
	states gone
	same_states before gone
}

@test "plan shows the host of each step and the load of each host" {
	run -0 --separate-stderr labctl -f "$WORK/lab.yaml" plan create
	[[ $output == *"host a: 2 nodes (node1,node3), 2 processors, 1024 MiB"* ]]
	[[ $output == *"host b: 2 nodes (node2,node4), 2 processors, 1024 MiB of 2048"* ]]
	grep -qE '^b +node\.disk/node4 ' <<<"$output"
	grep -qE '^a +node\.ready/node4 ' <<<"$output"
}

@test "a create that is killed goes on; a second one changes nothing" {
	killed_at "node2    overlay of the image, and the node's identity: done" -f "$WORK/lab.yaml" create
	labctl -f "$WORK/lab.yaml" create
	run -0 --separate-stderr labctl --json -l duo create
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	run -0 --separate-stderr labctl --json -l duo status
	[ "$(jq -r '[.nodes[] | .host + ":" + .state] | join(" ")' <<<"$output")" = "a:running b:running a:running b:running" ]
	[ "$(there virsh -q -c lxc:///system list --name | sed '/^$/d' | sort | paste -sd' ')" = "duo-node2 duo-node4" ]
}

@test "nodes of two hosts are on one network; what VXLAN cannot carry is never sent" {
	labctl -l duo exec 1 -- 'ping -q -c 1 -W 5 -M do -s 1422 node2 && ping -q -c 1 -W 5 -M do -s 1422 node4'
	run ! labctl -l duo exec 1 -- 'ping -q -c 1 -W 5 -M do -s 1423 node2'
	labctl -l duo exec 2 -- 'getent hosts node1 node3 && ping -q -c 1 -W 5 10.88.0.1 >/dev/null || ping -q -c 1 -W 5 "$(ip route | sed -n "s/^default via \([0-9.]*\).*/\1/p")"'
}

# throughput FROM TO: MB/s of one TCP connection between nodes.
throughput() {
	# shellcheck disable=SC2016  # Perl's variables
	local server='$s = IO::Socket::INET->new(Listen => 1, LocalPort => 5555, ReuseAddr => 1) or die; $c = $s->accept; 1 while sysread($c, $b, 65536)'
	# shellcheck disable=SC2016
	local client='for (1 .. 100) { $s = IO::Socket::INET->new($to) and last; sleep 0.1 } $s or die; $b = "x" x 65536; $t = time;
		for (1 .. 2048) { syswrite($s, $b) or die } close $s; printf "%.0f\n", 134.217728 / (time - $t)'

	labctl -l duo exec "$2" -- "timeout 60 perl -MIO::Socket::INET -e '$server'" &
	labctl -l duo exec "$1" -- "timeout 60 perl -MIO::Socket::INET -MTime::HiRes=time,sleep -e '\$to = q($2:5555); $client'" | awk '{print $2}'
	wait
}

@test "throughput between nodes of one host and of two" {
	one=$(throughput node1 node3)
	two=$(throughput node1 node2)
	echo "# one TCP connection between nodes of one host: $one MB/s, of two: $two MB/s; load $(cut -d' ' -f1 /proc/loadavg)" >&3
	[ "$one" -gt 0 ]
	[ "$two" -gt 0 ]
}

@test "a packet for the lab's network from elsewhere is dropped" {
	run -0 there nft list ruleset
	[[ $output == *"udp dport 4789 @th,96,24 0x"*" ip saddr != 192.0.2.1 drop"* ]]
}

@test "create restores the packet filter if somebody removed its rules" {
	there sh -c 'nft delete table inet "$(nft list tables inet | grep -o "labx.*")"'
	run -0 --separate-stderr labctl --json -l duo create
	[ "$(jq -r '[.steps[] | select(.state == "done").id] | join(" ")' <<<"$output")" = net.create/b ]
	run -0 there nft list ruleset
	[[ $output == *"ip saddr != 192.0.2.1 drop"* ]]
	labctl -l duo exec 1 -- 'ping -q -c 1 -W 5 node2'
}

@test "bootstrap postgres: rows of the primary are read on the standbys of the other host" {
	labctl -l duo bootstrap postgres
	ran postgres "$(labctl -l duo psql node1 -- -XAtc 'SHOW server_version' | awk '{print $1}')"
	labctl -l duo psql node1 -- -qc 'CREATE TABLE e2e AS SELECT generate_series(1, 1000) AS n'
	for n in 2 4; do
		for _ in $(seq 50); do
			got=$(labctl -l duo psql "$n" -- -Atc "SELECT count(*) FROM e2e" 2>/dev/null || true)
			[ "$got" = 1000 ] && break
			sleep 0.2
		done
		[ "$got" = 1000 ]
	done
}

@test "logs, top, the console and the archive of collect have the nodes of both hosts" {
	run -0 --separate-stderr labctl -l duo logs --since 10m
	[ "$(awk '{print $1, $2}' <<<"$output" | sort -u | grep -E 'primary|standby' | paste -sd,)" = "node1 primary,node2 standby,node3 standby,node4 standby" ]
	run -0 --separate-stderr labctl --json -l duo top
	[ "$(jq -r '[.nodes[] | select(.running and .memory_bytes > 0) | .node] | join(" ")' <<<"$output")" = "node1 node2 node3 node4" ]
	labctl -l duo collect "$WORK/report.tar.gz"
	tar -tzf "$WORK/report.tar.gz" | sed 's|[^/]*/||' >"$WORK/report"
	for file in hosts.json libvirt/duo-node1.xml libvirt/labctl-duo.xml libvirt/b/duo-node2.xml libvirt/b/labctl-duo.xml nodes/node4/logs.txt; do
		grep -qx "$file" "$WORK/report"
	done
	cat >"$WORK/console" <<-'END'
		(sleep 1; printf '\r'; sleep 0.5; printf '\035') |
			script -qefc '"$LABCTL" -l duo console node2; echo "status $?"' /dev/null
	END
	run -0 inside bash "$WORK/console"
	[[ $output == *"console of node2; Ctrl-] leaves it"*"left the console of node2"*"status 0"* ]]
}

@test "node add puts nodes where there is room, node remove takes one of the other host away" {
	labctl -l duo node add 2
	run -0 --separate-stderr labctl --json -l duo status
	[ "$(jq -r '[.nodes[] | .node + ":" + .host] | join(" ")' <<<"$output")" = "node1:a node2:b node3:a node4:b node5:a node6:b" ]
	[ "$(labctl -l duo psql node6 -- -Atc 'SELECT count(*) FROM e2e')" = 1000 ]
	labctl -l duo node remove node6
	[ "$(there virsh -q -c lxc:///system list --all --name | sed '/^$/d' | sort | paste -sd' ')" = "duo-node2 duo-node4" ]
	[ ! -e "$WORK/b/labctl/labs/duo/nodes/node6" ]
	[ ! -e "$LABCTL_STATE/labs/duo/nodes/node6" ]
	labctl -l duo node remove node5
	labctl -l duo status
}

reach() { labctl -l duo exec "$1" -- "ping -q -c 2 -i 0.1 -W 1 $2 >/dev/null"; }

@test "faults act on the hosts of their nodes: a partition across hosts, a quota, a kill" {
	labctl -l duo fault inject partition 1-2 3-4
	run -0 --separate-stderr labctl --json -l duo fault list
	[ "$(jq -r '.faults[].state' <<<"$output")" = active ]
	reach 1 node2
	run ! reach 1 node3 # on one host
	run ! reach 1 node4 # on two
	run ! reach 4 node2
	there nft flush set bridge "$(there nft list tables bridge | awk '{print $3}')" f1
	run -0 --separate-stderr labctl --json -l duo fault list
	[ "$(jq -r '.faults[].state' <<<"$output")" = "in part: gone on host b" ]
	labctl -l duo fault heal 1
	reach 1 node4
	[ -z "$(there nft list tables bridge)" ]
	# one side is on the other host only
	labctl -l duo fault inject partition 2 4
	run ! reach 2 node4
	labctl -l duo fault inject cpu 4 --amount 30
	labctl -l duo fault inject kill 4 -r standby
	labctl -l duo fault inject pause 2
	run -0 --separate-stderr labctl --json -l duo fault list
	[ "$(jq -r '[.faults[] | .fault + ": " + .state] | join("; ")' <<<"$output")" = \
		"partition node2 | node4: active; cpu 30 % node4: active; pause node2: active" ]
	labctl -l duo fault heal --all
	reach 2 node4
	labctl -l duo fault inject link-down 4
	run ! reach 1 node4
	labctl -l duo fault inject rate 2 1 --amount 1000
	run -0 --separate-stderr labctl --json -l duo fault list
	[ "$(jq -r '[.faults[].state] | join(" ")' <<<"$output")" = "active active" ]
	labctl -l duo fault heal --all
	reach 1 node4
	labctl -l duo --timeout 60 wait
}

@test "bench run loads nodes of both hosts, and measures what they use" {
	labctl -l duo bench run --workloads select-only --scale 1 --clients 2 --repeats 1 --time 2s --warmup 1s --from node2 -o "$WORK/bench"
	[ "$(jq -r '[.counters[] | select(.what == "cpu_seconds" and .value > 0 and .node != "host") | .node] | unique | join(" ")' \
		"$WORK/bench/measurements.jsonl")" = "node1 node2 node3 node4" ]
}

@test "the other host has only its own part: keys of its nodes, no passwords, no commands" {
	[ "$(there find "$WORK/b/labctl/labs/duo" -name host_key | sed 's|/host_key||; s|.*/||' | sort | paste -sd' ')" = "node2 node4" ]
	[ ! -e "$WORK/b/labctl/labs/duo/secrets" ]
	[ ! -e "$WORK/b/labctl/labs/duo/id_ed25519" ]
	run -5 there "$LABCTL" -l duo status
	[[ $output == *"only a part of it is here"* ]]
	run -0 there "$LABCTL" -n gc
	[[ $output == *"nothing is left"* ]]
}

@test "another master's lab of that name on the other host is left alone" {
	cp "$WORK/b/labctl/labs/duo/master" "$WORK/master"
	echo "0123 /somewhere elsewhere" >"$WORK/b/labctl/labs/duo/master"
	run -12 labctl -l duo create
	[[ $output == *"host b: lab 'duo' there is of labctl on elsewhere"* ]]
	cp "$WORK/master" "$WORK/b/labctl/labs/duo/master"
	labctl -l duo create
}

@test "a host without labctl: what is missing, and the command that installs it" {
	there mv /usr/local/bin/labctl /usr/local/bin/labctl.away
	run -12 labctl -f "$WORK/lab.yaml" create
	there mv /usr/local/bin/labctl.away /usr/local/bin/labctl
	[[ $output == *"host b (ssh $OTHER): labctl is not installed"*"next: labctl -l duo host add b"* ]]
	labctl -f "$WORK/lab.yaml" create
}

@test "stop and start work on all hosts" {
	labctl -l duo stop node4,node3
	[ "$(there virsh -q -c lxc:///system list --name | sed '/^$/d')" = duo-node2 ]
	run -10 labctl -l duo exec node4 -- true
	[[ $output == *"node4 is not running: domain 'duo-node4' is shut off"* ]]
	labctl -l duo start
	labctl -l duo status
}

rows() { labctl -l duo psql "${1:-1}" -- -XAtc 'SELECT count(*) FROM e2e'; }

# The rows of the snapshot, on all servers, and replication goes on.
as_saved() {
	[ "$(rows)" = 1000 ]
	[ "$(labctl -l duo psql 1 -- -XAtc 'SELECT count(*) FROM pg_replication_slots WHERE active')" = 3 ]
	labctl -l duo psql 1 -- -qc 'CREATE TABLE goes_on AS SELECT 1 AS n'
	for n in 2 3 4; do
		for _ in $(seq 50); do
			got=$(labctl -l duo psql "$n" -- -XAtc 'SELECT count(*) FROM e2e, goes_on' 2>/dev/null || true)
			[ "$got" = 1000 ] && break
			sleep 0.2
		done
		[ "$got" = 1000 ]
	done
	labctl -l duo status
}

parts() { ls -A "$WORK/b/labctl/labs/duo/snapshots" 2>/dev/null; }

@test "snapshot: each host keeps its part; a full host is named before anything stops" {
	run -0 labctl -l duo snapshot save base
	[[ $output == *"b        record its part of snapshot base: done"*"a        record snapshot base: done"* ]]
	run -0 --separate-stderr labctl --json -l duo snapshot show base
	[ "$(jq -r '[.nodes[] | select(.data_bytes > 30000000 and .system_bytes > 1000000).node] | join(" ")' <<<"$output")" = "node1 node2 node3 node4" ]
	[ "$(ls "$LABCTL_STATE/labs/duo/snapshots/base/data")" = $'node1\nnode3' ]
	[ "$(ls "$WORK/b/labctl/labs/duo/snapshots/base/data")" = $'node2\nnode4' ]
	[ -z "$(ls "$WORK/b/labctl/labs/duo/snapshots/base/record")" ]
	there mount -t tmpfs -o size=4m none "$WORK/b/labctl/labs/duo/snapshots"
	run -6 labctl -l duo snapshot save other
	there umount "$WORK/b/labctl/labs/duo/snapshots"
	[[ $output == *"host b: $WORK/b/labctl/labs/duo/snapshots has too little space"* ]]
	[[ $output != *"stop the primary"* && $output != *"shut down"* ]]
	[ "$(parts)" = base ]
	[ "$(ls -A "$LABCTL_STATE/labs/duo/snapshots")" = base ]
}

@test "snapshot restore: rows and a broken node are as saved; labctl of either host is killed, and the same command ends it" {
	labctl -l duo psql 1 -- -qc 'DELETE FROM e2e WHERE n > 10'
	labctl -l duo exec 2 -- 'rm -rf /data/pgsql/base /etc/hostname'
	run -30 labctl -l duo status
	# labctl of the other host, while nodes are replaced: its process id is in the lock
	labctl -l duo snapshot restore base >"$WORK/restore" 2>&1 &
	until grep -q "power duo-node2 off: done" "$WORK/restore"; do
		kill -0 $!
		sleep 0.05
	done
	# shellcheck disable=SC2016
	there sh -c 'kill -KILL "$(sed -n "s/^process \([0-9]*\) (host-run)$/\1/p" "$LABCTL_STATE/labs/duo/lock")"'
	status=0
	wait $! || status=$?
	[ "$status" = 10 ]
	grep -q "host b (ssh $OTHER): the connection ended" "$WORK/restore"
	killed_at "put its disk and its data in place: done" -l duo snapshot restore base
	run -5 labctl -l duo start
	[[ $output == *"the restore of snapshot 'base' did not end"* ]]
	labctl -l duo snapshot restore base
	as_saved
}

@test "create --from: a second lab on the same hosts, of the parts that each has" {
	labctl -l two create --from duo@base
	[ "$(labctl -l two psql node4 -- -XAtc 'SELECT count(*) FROM e2e')" = 1000 ]
	[ "$(there virsh -q -c lxc:///system list --name | sed '/^$/d' | sort | paste -sd' ')" = "duo-node2 duo-node4 two-node2 two-node4" ]
	labctl -l two destroy
	[ ! -e "$WORK/b/labctl/labs/two" ]
}

@test "a standby of another host takes over, and the old primary follows it" {
	labctl -l duo switchover node2
	labctl -l duo status
	labctl -l duo stop --now node2
	labctl -l duo failover primary
	labctl -l duo start node2 || true
	labctl -l duo rejoin node2
	labctl -l duo status
	[ "$(labctl -l duo psql node2 -- -Atc "SELECT count(*) FROM e2e")" = 1000 ]
	labctl -l duo switchover node2
}

@test "a host that does not answer is named once, and the rest is done" {
	there ip link set underlay down
	run -12 --separate-stderr labctl --json -l duo status
	[ "$(jq -r '[.nodes[].state] | join(" ")' <<<"$output")" = "running unknown running unknown" ]
	[[ $(jq -r '.silent[]' <<<"$output") == "host b (ssh $OTHER): "* ]]
	run -12 labctl -l duo stop node3,node4
	[ "$(grep -c 'failed: host b' <<<"$output")" = 1 ]
	[[ $output == *"node3    shut down duo-node3: done"* ]]
	run -5 labctl -l duo failover primary
	[[ $output == *"node2 may still run there"*"labctl -l duo host give-up b"* ]]
	run -10 labctl -l duo switchover node1
	[[ $output == *"host b (ssh $OTHER): "*"what is on node2 cannot be known"* ]]
	run -12 labctl -l duo host check
	[ "$(grep -c "ssh: connect to host" <<<"$output")" = 1 ]
	[[ $output == *" a: has answered"*"host b (ssh $OTHER): ssh: connect to host"* ]]
	run -10 labctl -l duo snapshot save other
	[[ $output == *"host b (ssh $OTHER): "*"nothing was done"* && $output != *"done"$'\n'* ]]
	run -12 labctl -l duo snapshot delete base
	[[ $output == *"a        remove snapshot base: done"*"removes its part of the snapshot, too"* ]]
	[ "$(parts)" = base ]
	run -12 labctl -l duo fault inject partition 1 4
	[[ $output == *"a        partition node1 | node4: done"*"failed: host b"* ]]
	there ip link set underlay up
	run -0 --separate-stderr labctl --json -l duo fault list
	[ "$(jq -r '.faults[].state' <<<"$output")" = "in part: gone on host b" ]
	labctl -l duo fault heal --all
	run -0 --separate-stderr labctl --json -l duo fault list
	[ "$(jq -c .faults <<<"$output")" = "[]" ]
	labctl -l duo start
	labctl -l duo status
	[ -z "$(parts)" ]
	# the last one goes with the lab
	labctl -l duo snapshot save last
}

@test "libvirt of the other host is named when it does not answer" {
	# shellcheck disable=SC2016
	there sh -c 'kill "$(cat /run/libvirt/libvirtd.pid)"; while test -e /run/libvirt/libvirtd.pid; do sleep 0.1; done'
	run -12 labctl -l duo status
	[[ $output == *"host b: "*libvirt* ]]
	there libvirtd --daemon --pid-file /run/libvirt/libvirtd.pid
	labctl -l duo status
}

@test "destroy without a host removes the rest, and ends when that host is back; nothing is left on either" {
	there ip link set underlay down
	run -12 labctl -l duo destroy
	[[ $output == *"host b (ssh $OTHER): "* ]]
	[ "$(inside virsh -q -c lxc:///system list --all --name | sed '/^$/d')" = "" ]
	labctl list | grep -q '^duo '
	# A create now would mix what is left there with new nodes here.
	there ip link set underlay up
	run -5 labctl -l duo create
	[[ $output == *"destroy of lab 'duo' did not end"*"next: labctl -l duo destroy"* ]]
	run -30 labctl -l duo status
	[[ $output == *"missing"*"next: labctl -l duo destroy"* ]]
	labctl -l duo destroy
	states after
	same_states before after
}

@test "without the record of the lab, destroy says which hosts have parts of it" {
	labctl -f "$WORK/lab.yaml" create
	echo "lab: [" >"$LABCTL_STATE/labs/duo/lab.yaml"
	run -0 labctl -l duo destroy
	[[ $output == *"lab 'duo' has parts on other hosts (192.0.2.2), which only \`labctl -l duo destroy\` there removes"* ]]
	there env LABCTL_YES=1 "$LABCTL" -l duo destroy
	states after
	same_states before after
}

@test "the part on a host whose master is lost is removed there" {
	labctl -f "$WORK/lab.yaml" create
	run -5 labctl -l duo host remove b
	[[ $output == *"host b has labs, or parts of labs: duo"* ]]
	there env LABCTL_YES=1 "$LABCTL" -l duo destroy
	there "$SOURCE_DIR/tests/support/host-state" "$WORK/b/labctl" >"$WORK/alone-b"
	same_host before-b alone-b
	labctl -l duo destroy
	states after
	same_states before after
}

@test "host remove removes what host add installed" {
	labctl -f "$WORK/lab.yaml" host remove b
	[ -z "$(there ls /usr/local/bin /usr/local/lib | grep -v :)" ]
	run -0 labctl -f "$WORK/lab.yaml" host remove b
	[[ $output == *"nothing of labctl is installed there"* ]]
}
