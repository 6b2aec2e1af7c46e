# SPDX-License-Identifier: PostgreSQL
# A primary with a standby and pgpool-II gets more standbys and loses some: by command, by lab file, interrupted, dead.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up nodes
	export LABCTL_HYPERVISOR=lxc LABCTL_FILE=$WORK/pg.yaml
	printf '%s\n' 'lab: pg' 'nodes: 2' 'cluster: {kind: postgres, pgpool: 1}' >"$LABCTL_FILE"
	host_state before
	labctl create
	labctl bootstrap
	labctl psql -- -qc 'CREATE TABLE kept AS SELECT generate_series(1, 1000) n'
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

sql() { labctl psql "$1" -- -XAtqc "$2"; }
slots() { sql 1 "SELECT string_agg(slot_name, ' ' ORDER BY 1) FROM pg_replication_slots WHERE active"; }
backends() { labctl psql -r pgpool -- -XAtqc 'SHOW pool_nodes' | cut -d'|' -f 2,4 | paste -sd' '; }
hosts() { labctl exec -- 'grep -o "node[0-9]*$" /etc/hosts | paste -sd,' | awk '{ print $2 }' | sort -u; }
names() { inside virsh -q -c lxc:///system net-dumpxml labctl-pg | grep -c "<hostname>node[0-9]*<"; }

@test "node add, killed in the middle and run again: one more standby, known everywhere" {
	killed_at "node3    wait until it answers on SSH: done" node add
	grep -q node3 "$LABCTL_STATE/labs/pg/joining"
	run -0 labctl node add
	[[ $output == *"continues to add node3"*"add node3 to $LABCTL_FILE, which lacks it"* ]]
	[ ! -e "$LABCTL_STATE/labs/pg/joining" ]
	[ "$(sql 3 'SELECT count(*) FROM kept')" = 1000 ]
	[ "$(slots)" = "standby_1 standby_2" ]
	[ "$(backends | tr ' ' '\n' | grep -c '|up')" = 3 ]
	[ "$(hosts)" = "node1,node2,node3" ]
	[ "$(names)" = 3 ]
	labctl wait --for db
	run -5 labctl bootstrap
	[[ $output == *"nodes has 3, wanted 2"*"labctl -l pg node remove node3"* ]]
}

@test "a lab file with more nodes: create and bootstrap make them; then nothing changes" {
	sed -i 's/nodes: 2/nodes: 4/' "$LABCTL_FILE"
	run -5 labctl bootstrap
	[[ $output == *"have no machines yet"*"next: labctl -l pg create"* ]]
	labctl create
	labctl bootstrap
	[ "$(slots)" = "standby_1 standby_2 standby_3" ]
	run -0 --separate-stderr labctl --json bootstrap
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "node remove: the primary is refused; a standby in the middle goes, the others keep names and numbers" {
	run -5 labctl node remove node1
	[[ $output == *"it has the primary"*"next: labctl -l pg switchover"* ]]
	run -0 --separate-stderr labctl -n node remove node3
	[[ $output == *"lost: nothing"*"primary.forget/node1"* ]]
	[ "$(slots)" = "standby_1 standby_2 standby_3" ]
	run -0 labctl node remove node3
	[[ $output == *"take node3 out of $LABCTL_FILE"* ]]
	[ "$(slots)" = "standby_1 standby_3" ]
	[ "$(sql node4 "SELECT slot_name FROM pg_stat_wal_receiver")" = standby_3 ]
	[ "$(backends | tr ' ' '\n' | grep -c '|up')" = 3 ]
	[ "$(hosts)" = "node1,node2,node4" ]
	[ "$(names)" = 3 ]
	[ ! -e "$LABCTL_STATE/labs/pg/data/node3" ]
	[ ! -e "$LABCTL_STATE/labs/pg/nodes/node3" ]
	run -1 inside virsh -q -c lxc:///system dominfo pg-node3
	labctl wait --for db
	# a new one has nothing of those that stay
	labctl node add
	[ "$(hosts)" = "node1,node2,node4,node5" ]
	[ "$(sql node4 'SELECT count(*) FROM kept') $(sql node5 'SELECT count(*) FROM kept')" = "1000 1000" ]
	labctl node remove node5
	labctl wait --for db
}

@test "a standby of a primary that is down is kept: it may have what no other server has" {
	labctl stop node1
	run -5 labctl node remove node2
	[[ $output == *"the primary on node1 does not answer"*"next: labctl -l pg start node1; if it is lost: labctl -l pg failover primary. Or labctl -l pg node remove "* ]]
	run -0 --separate-stderr labctl -n node remove node2 --force
	[[ $output == *"lost: unknown, as the primary does not answer"* ]]
	labctl start node1
	labctl wait --for db
}

@test "a standby whose machine is gone: removed all the same, killed in the middle and run again" {
	printf '%s\n' 'lab: pg' 'nodes: [{name: node1}, {name: node2}]' 'cluster: {kind: postgres, pgpool: 1}' >"$LABCTL_FILE"
	inside virsh -q -c lxc:///system destroy pg-node4
	inside virsh -q -c lxc:///system undefine pg-node4
	killed_at "drop the slot of the standby that left: done" node remove node4
	labctl node remove node4
	[ "$(slots)" = standby_1 ]
	# The record gets the file's words for the same places; nothing else changes.
	run -0 --separate-stderr labctl --json bootstrap
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done" and (.id | startswith("lab.") | not))] | length' <<<"$output")" = 0 ]
	labctl wait --for db
}

@test "after a switchover the first primary can go" {
	labctl switchover node2
	run -5 labctl node remove node2
	labctl node remove node1
	[ "$(sql node2 'SELECT count(*) FROM kept')" = 1000 ]
	run -2 labctl node remove node2
	[[ $output == *"node2 is the only node"*"destroy"* ]]
	labctl destroy
	host_state after
	same_host before after
}
