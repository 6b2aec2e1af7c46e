# SPDX-License-Identifier: PostgreSQL
# node add and node remove of labs that exist on record only: what is refused, and what -n says. No machine is asked.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache LABCTL_CONNECT=test:///default
	cd "$BATS_TEST_TMPDIR" || exit 1
	record pg 'kind: postgres'
}

# record LAB CLUSTER: a bootstrapped lab of four nodes whose machines are off.
record() {
	mkdir -p "$LABCTL_STATE/labs/$1/secrets"
	printf '%s\n' "lab: $1" 'hypervisor: lxc' 'network: {subnet: 10.88.7.0/24}' 'nodes: 4' "cluster: {$2}" >"$LABCTL_STATE/labs/$1/lab.yaml"
	printf Sesam >"$LABCTL_STATE/labs/$1/secrets/postgres"
	: >"$LABCTL_STATE/labs/$1/bootstrapped"
}

labctl() { "$LABCTL" "$@"; }

@test "a wrong word: one line that says what is right, and nothing happens" {
	before=$(cat "$LABCTL_STATE/labs/pg/lab.yaml")
	while IFS='|' read -r status words expected; do
		# shellcheck disable=SC2086
		run "-$status" labctl -l pg $words
		[[ $output == *"$expected"* ]] || { echo "labctl $words: $output"; false; }
	done <<-'END'
		2|node remove|missing NODE
		2|node add x|x
		2|node add 0|0
		4|node remove node9|no node is named 'node9'
		2|node remove 2-3|'2-3' names 2 nodes: one is needed
		5|node remove node1|node1 cannot be removed: it has the primary
		5|node remove node1 --force|switchover
		2|node add -r primary|cannot get another primary; it can get more of: standby, pgpool, client
		2|node add -r stanby|unknown role 'stanby'
		2|node add --rebalance|--rebalance: a cluster of kind postgres has no data that could move to a new server
		2|node add 2 -r pgpool|may have at most
		5|create 5|nodes has 4, wanted 5
	END
	[ "$(cat "$LABCTL_STATE/labs/pg/lab.yaml")" = "$before" ]
	[ ! -e "$LABCTL_STATE/labs/pg/joining" ]
}

@test "-n: what is lost, and the steps; a lab without a cluster gets machines only" {
	run -0 --separate-stderr labctl -l pg -n node add 2
	[[ $output == "node add 2 -r standby lab 'pg': "*"node.start/node6"*"standby.init/node6"* ]]
	run -5 labctl -l pg -n node remove node3
	[[ $output == *"the primary on node1 does not answer: what it committed last may be on node3 only"*"next: labctl -l pg start node1"* ]]
	run -0 --separate-stderr labctl -l pg -n node remove node3 --force
	[[ $output == *"lost: unknown, as the primary does not answer"*"record the lab without node3"* ]]
	printf '%s\n' 'lab: bare' 'hypervisor: lxc' 'network: {subnet: 10.88.8.0/24}' 'nodes: 1' >"$LABCTL_STATE/bare.yaml"
	mkdir -p "$LABCTL_STATE/labs/bare/secrets"
	mv "$LABCTL_STATE/bare.yaml" "$LABCTL_STATE/labs/bare/lab.yaml"
	run -0 --separate-stderr labctl -l bare -n node add
	[[ $output == *"tune/node2"* ]]
	run -2 labctl -l bare node add -r standby
	[[ $output == *"lab 'bare' has no cluster"* ]]
	run -2 labctl -l bare node remove node1
	[[ $output == *"node1 is the only node of lab 'bare'"*"destroy"* ]]
}

@test "pgxc: coordinators and datanodes come and go; GTM, standby and the last datanode stay" {
	record xc 'kind: pgxc'
	run -0 --separate-stderr labctl -l xc -n node add
	[[ $output == "node add 1 -r coordinator lab 'xc': "*"coordinator.join/node5"*"coordinator.open/node5"* ]]
	run -0 --separate-stderr labctl -l xc -n node add -r datanode --rebalance
	[[ $output == *"datanode.join/node5"*"coordinator.open/"*"rebalance.look/"*"rebalance.open/"* ]]
	run -2 labctl -l xc node add -r gtm_standby
	[[ $output == *"cannot get another gtm_standby; it can get more of: datanode, gtm_proxy, coordinator, client"* ]]
	run -5 labctl -l xc node remove node1
	[[ $output == *"node1 cannot be removed: it has the GTM; its standby must take over first"*"next: labctl -l xc switchover && labctl -l xc node remove node1"* ]]
	run -5 labctl -l xc node remove node2 --force
	[[ $output == *"it has a gtm_standby, and labctl cannot take one out of a cluster of kind pgxc that exists"* ]]
	run -30 labctl -l xc node remove node3 --force
	[[ $output == *"no coordinator can say what only node3 has"*"next: labctl -l xc start -r coordinator"* ]]
	# the fifth node of the file has a datanode
	printf '%s\n' 'lab: xc' 'hypervisor: lxc' 'nodes: 5' 'cluster: {kind: pgxc}' >more.yaml
	run -0 labctl -f more.yaml -n create
	[[ $output == *"nodes has 4, wanted 5"*"node.start/node5"* ]]
}

@test "citus: workers come and go; the coordinator and the last worker stay; who knows what is lost must answer" {
	record cit 'kind: citus'
	run -0 --separate-stderr labctl -l cit -n node add --rebalance
	[[ $output == "node add 1 -r worker --rebalance lab 'cit': "*"worker.databases/node5"*"register.all/node1"*"rebalance/node1"* ]]
	run -2 labctl -l cit node add -r coordinator
	[[ $output == *"cannot get another coordinator; it can get more of: worker, pgpool, client"* ]]
	run -5 labctl -l cit node remove node1 --force
	[[ $output == *"node1 cannot be removed: it has the coordinator"* ]]
	run -30 labctl -l cit node remove node3 --force
	[[ $output == *"no coordinator can say what only node3 has"*"next: labctl -l cit start -r coordinator"* ]]
	record two 'kind: citus, coordinator: 1, worker: 2'
	run -5 labctl -l two node remove node2 --force
	[[ $output == *"it has the last worker; its shards would have no other node"*"next: labctl -l two node add -r worker && labctl -l two node remove node2"* ]]
	run -0 --separate-stderr labctl -l cit -n db rebalance
	[[ $output == *"rebalance/node1"* ]]
	run -2 labctl -l pg db rebalance
	[[ $output == *"'db rebalance' is not supported for kind postgres"* ]]
}

@test "without -y and a terminal nothing is removed" {
	run -2 env -u LABCTL_YES "$LABCTL" -l pg node remove node3 --force
	[[ $output == *"node3 of lab 'pg' and its data directory"* ]]
}

@test "a lab file that lacks a node: refused, with the command that removes it" {
	printf '%s\n' 'lab: pg' 'hypervisor: lxc' 'nodes: 3' 'cluster: {kind: postgres}' >less.yaml
	run -5 labctl -f less.yaml create
	[[ $output == *"nodes has 4, wanted 3"*"next: labctl -l pg node remove node4"* ]]
	printf '%s\n' 'lab: pg' 'hypervisor: lxc' 'nodes: 5' 'cluster: {kind: postgres}' >more.yaml
	run -5 labctl -f more.yaml bootstrap
	[[ $output == *"the new ones have no machines yet"*"next: labctl -l pg create"* ]]
	run -0 labctl -f more.yaml -n create
	[[ $output == *"nodes has 4, wanted 5"*"node.start/node5"* ]]
}

@test "an interrupted node add: the same command goes on, another is refused" {
	printf 'node4' >"$LABCTL_STATE/labs/pg/joining"
	run -0 --separate-stderr labctl -l pg -n node add
	[[ $output != *node5* ]]
	run -5 labctl -l pg node add 2
	[[ $output == *"the last node add was interrupted: node4 of lab 'pg' is not finished"* ]]
	printf 'node7' >"$LABCTL_STATE/labs/pg/joining" # it changed nothing yet
	run -0 --separate-stderr labctl -l pg -n node add
	[[ $output == *node5* ]]
}
