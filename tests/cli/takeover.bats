# SPDX-License-Identifier: PostgreSQL
# switchover, failover and rejoin of labs that exist on record only: what is refused, and what -n says. No machine is asked.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache LABCTL_CONNECT=test:///default
	cd "$BATS_TEST_TMPDIR" || exit 1
	record pg 'kind: postgres'
}

# record LAB CLUSTER: a bootstrapped lab of three nodes whose machines are off.
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
		2|failover|missing ROLE|NODE
		2|rejoin|missing NODE
		2|switchover 1 2|unexpected argument '2'
		4|switchover node9|no node is named 'node9'
		2|switchover 2-3|'2-3' names 2 nodes: one is needed
		2|failover standby|no server takes over from a standby
		4|failover prymary|no node is named 'prymary' (did you mean primary?)
		2|failover node2|node2 does not have the primary: it is on node1
		2|rejoin node1|node1 has the primary: the others follow it
	END
	[ "$(cat "$LABCTL_STATE/labs/pg/lab.yaml")" = "$before" ]
}

@test "machines that are off: who is not there is named, with the next command" {
	run -30 labctl -l pg -n switchover
	[[ $output == *"no standby can take over from node1"*"next: labctl -l pg status"* ]]
	run -30 labctl -l pg -n switchover node2
	[[ $output == *"the primary on node1 cannot end cleanly: its machine is off"*"failover primary"* ]]
	run -30 labctl -l pg -n failover primary
	[[ $output == *"no standby answers that could take over from node1"*"next: labctl -l pg start"* ]]
	run -30 labctl -l pg -n rejoin node2
	[[ $output == *"node2 cannot follow node1: that one does not answer"* ]]
}

@test "kinds without standbys say why, and what helps" {
	record cit 'kind: citus'
	for command in "switchover" "failover node1" "rejoin 2"; do
		# shellcheck disable=SC2086
		run -2 labctl -l cit $command
		[[ $output == *"${command%% *} is not possible in a cluster of kind citus: a Citus cluster has one copy of each shard"*"next: labctl -l cit start"* ]]
	done
	# Of Postgres-XC only the GTM has one.
	record xc 'kind: pgxc'
	run -30 labctl -l xc switchover
	[[ $output == *"no gtm_standby can take over from node1"* ]]
	run -2 labctl -l xc failover datanode
	[[ $output == *"no server takes over from a datanode"* ]]
	run -30 labctl -l xc -n failover gtm
	[[ $output == *"no gtm_standby answers that could take over from node1"* ]]
}

@test "without a lab, or a database in it" {
	run -4 labctl -l none switchover
	rm "$LABCTL_STATE/labs/pg/bootstrapped"
	run -4 labctl -l pg switchover
	[[ $output == *"lab 'pg' has no database yet"*"next: labctl -l pg bootstrap"* ]]
}

@test "the record of a promotion: every command reads the roles from it" {
	record pg 'kind: postgres, promoted: node3'
	[ "$(labctl -l pg env | grep -c 'PGHOST=10.88.7.13')" = 1 ]
	[ "$(labctl -l pg inventory --format json | jq -r '[.nodes[].roles[0]] | join(" ")')" = "standby standby primary standby" ]
	[ "$(labctl -l pg inventory --format json | jq -r '.endpoints[] | select(.services | index("pg")).node')" = node3 ]
	labctl -l pg render --out made
	grep -q 'host replication replication 10.88.7.11/32' made/nodes/node3/files/data/pgsql/pg_hba.conf
	run ! grep -q 'host replication replication 10.88.7.13/32' made/nodes/node3/files/data/pgsql/pg_hba.conf
	grep -q "promoted: node3" made/host/lab.yaml
	# The lab file still says where the primary was at first, and changes nothing.
	printf '%s\n' 'lab: pg' 'nodes: 4' 'cluster: {kind: postgres, primary: 1, standby: 2-}' >pg.yaml
	run -0 --separate-stderr labctl -f pg.yaml -n bootstrap
	[[ $stderr != *"wanted"* && $output == *"primary.start/node3"* ]]
	# One that another node has is another lab.
	printf '%s\n' 'lab: pg' 'nodes: 4' 'cluster: {kind: postgres, primary: 2, standby: "1,3-"}' >pg.yaml
	run -5 labctl -f pg.yaml -n bootstrap
	[[ $output == *"cluster.primary.on has 1, wanted 2"* ]]
}
