# SPDX-License-Identifier: PostgreSQL
# Workers join and leave a real Citus, built from LABCTL_CITUS_ARCHIVE: with their share of the shards, drained under load,
# interrupted, dead.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	[[ -n ${LABCTL_CITUS_ARCHIVE-} ]] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up citusnodes
	export LABCTL_HYPERVISOR=lxc
	host_state before
	labctl create 3 --image "$(citus_image)"
	labctl bootstrap citus --source "$LABCTL_CITUS_ARCHIVE"
	ran citus "$(sql postgres 'SELECT citus_version()' | awk '{print $2}')"
	labctl db create gis
	sql postgres 'SET citus.shard_count TO 6' 'CREATE TABLE kept (id int PRIMARY KEY)' "SELECT create_distributed_table('kept', 'id')" \
		'CREATE TABLE kinds (kind int PRIMARY KEY)' "SELECT create_reference_table('kinds')" 'INSERT INTO kinds VALUES (1), (2)' \
		'CREATE TABLE log (id int, kind int REFERENCES kinds)' "SELECT create_distributed_table('log', 'id', colocate_with => 'kept')" \
		'INSERT INTO log SELECT i, 1 + i % 2 FROM generate_series(1, 600) i'
	sql gis 'SET citus.shard_count TO 4' 'CREATE TABLE points (id int PRIMARY KEY)' "SELECT create_distributed_table('points', 'id')" \
		'INSERT INTO points SELECT generate_series(1, 400)'
}

teardown_file() {
	[[ -n ${LABCTL_CITUS_ARCHIVE-} ]] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	[[ -n ${LABCTL_CITUS_ARCHIVE-} ]] || skip "LABCTL_CITUS_ARCHIVE names no Citus source archive"
	source "$SOURCE_DIR/tests/support/labs.bash"
}

# sql DATABASE STATEMENT...: on the coordinator.
sql() {
	local database=$1 words=()
	shift
	for statement; do words+=(-c "$statement"); done
	labctl psql node1 -- -d "$database" -XAtqv ON_ERROR_STOP=1 "${words[@]}"
}

workers() { sql "$1" "SELECT string_agg(nodename, ' ' ORDER BY nodename) FROM pg_dist_node WHERE isactive AND groupid <> 0"; }
# holders TABLE: the nodes that have shards of it.
holders() { sql postgres "SELECT string_agg(DISTINCT nodename, ' ' ORDER BY nodename) FROM citus_shards WHERE table_name = '$1'::regclass"; }
# Nothing that an interrupted move left behind.
clean() { [ "$(sql postgres 'SELECT count(*) FROM pg_dist_cleanup')" = 0 ]; }
moving() { [ "$(sql postgres 'SELECT count(*) FROM get_rebalance_progress() WHERE progress = 1')" -gt 0 ]; }
# soon COMMAND...
soon() {
	for _ in $(seq 60); do
		"$@" && return
		sleep 1
	done
	return 1
}

@test "node add --rebalance: one more worker, in every database, with its share of the shards" {
	run -0 --separate-stderr labctl -n node add --rebalance
	[[ $output == *"rebalance/node1"* ]]
	run -0 labctl node add --rebalance
	for database in postgres gis; do
		[ "$(workers "$database")" = "node2 node3 node4" ]
	done
	[ "$(holders kept)" = "node2 node3 node4" ]
	[ "$(holders kinds)" = "node1 node2 node3 node4" ]
	[ "$(sql postgres 'SELECT count(*) FROM log JOIN kinds USING (kind)')" = 600 ]
	[ "$(labctl psql node4 -- -d gis -XAtc 'SELECT count(*) FROM points')" = 400 ]
	soon clean
	labctl wait --for db
	run -0 --separate-stderr labctl --json bootstrap citus
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	run -0 --separate-stderr labctl --json db rebalance
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "node remove under load, killed while it moves shards and run again: no row is lost, no shard is twice" {
	labctl psql node4 -- -d gis -qc 'CREATE TABLE mine (id serial)'
	run -5 labctl node remove node4
	[[ $output == *"node4 has what somebody made on it, and no other server knows of: mine in database gis"*"node remove node4 --force"* ]]
	labctl psql node4 -- -d gis -qc 'DROP TABLE mine'
	# A node without shards that shall keep what it has: a drain of another one leaves it alone (citus#6267).
	sql postgres "SELECT citus_set_node_property('node2', 5432, 'shouldhaveshards', false)"
	before=$(sql postgres "SELECT count(*) FROM citus_shards WHERE nodename = 'node2' AND citus_table_type = 'distributed'")
	[ "$before" -gt 0 ]
	# Says each number that the server has committed.
	inside bash -c 'i=0; until [ -e "$1/stop" ]; do i=$((i + 1)); "$2" psql node1 -- -qc "INSERT INTO kept VALUES ($i)" 2>>"$1/refused" && echo $i; done' \
		bash "$WORK" "$LABCTL" >"$WORK/committed" &
	# Killed when a move has begun.
	inside bash -c 'echo $$ >"$1/pid"; exec "$2" node remove node4' bash "$WORK" "$LABCTL" >"$WORK/first" 2>&1 &
	soon moving
	inside kill -KILL "$(<"$WORK/pid")"
	run -0 --separate-stderr labctl --json status
	[ "$(jq '.nodes | length' <<<"$output")" = 4 ]
	run -0 labctl node remove node4
	touch "$WORK/stop"
	wait
	[ "$(wc -l <"$WORK/committed")" -gt 3 ]
	[ "$(sql postgres 'SELECT id FROM kept' | sort | comm -13 - <(sort "$WORK/committed") | wc -l)" = 0 ]
	for database in postgres gis; do
		[ "$(workers "$database")" = "node2 node3" ]
	done
	[ "$(sql postgres 'SELECT count(*) FROM log JOIN kinds USING (kind)')" = 600 ]
	[ "$(sql gis 'SELECT count(*) FROM points')" = 400 ]
	[ "$(sql postgres "SELECT count(*) FROM citus_shards WHERE nodename = 'node2' AND citus_table_type = 'distributed'")" = "$before" ]
	soon clean
	sql postgres "SELECT citus_set_node_property('node2', 5432, 'shouldhaveshards', true)"
	run -1 inside virsh -q -c lxc:///system dominfo lab-node4
	labctl wait --for db
}

@test "a dead worker: status and failover say what cannot be served; without --force it stays" {
	inside virsh -q -c lxc:///system destroy lab-node3
	run -30 labctl status
	[[ $output == *"without the worker of node3 cannot be read or written: all of points in database gis, "*" of 6 shards of kept in database postgres"* ]] ||
		[[ $output == *"without the worker of node3 cannot be read or written: "*" of 4 shards of points in database gis, "*" of 6 shards of kept in database postgres"* ]]
	run -2 labctl failover node3
	[[ $output == *"failover is not possible"*"shards of kept in database postgres"*"next: labctl -l lab start node3; if it is lost: node remove node3 --force"* ]]
	run -5 labctl node remove node3
	[[ $output == *"node3 cannot be removed: it has the last worker"* ]] || [[ $output == *"node3 has the only copy of "*"shards of kept"* ]]
	[ "$(sql postgres 'SELECT count(*) FROM kinds')" = 2 ]
	run -5 labctl node remove node1
	[[ $output == *"it has the coordinator"* ]]
}

@test "node remove --force of a dead worker: its rows are lost and named, all tables work again" {
	run -0 labctl node remove node3 --force
	[[ $output == *"lost: "*"shards of kept in database postgres"* ]]
	[ "$(workers postgres)" = "node2" ]
	[ "$(sql postgres "SELECT count(*) FROM citus_shards WHERE table_name = 'kept'::regclass AND nodename = 'node2'")" = 6 ]
	left=$(sql postgres 'SELECT count(*) FROM log')
	[ "$left" -gt 0 ] && [ "$left" -lt 600 ]
	[ "$(sql postgres 'SELECT count(*) FROM log JOIN kinds USING (kind)')" = "$left" ]
	sql postgres 'DELETE FROM kept' 'INSERT INTO kept SELECT generate_series(1, 1000)' 'INSERT INTO kinds VALUES (3)'
	run ! sql postgres 'INSERT INTO log SELECT i, 9 FROM generate_series(1, 100) i'
	[ "$(labctl psql node2 -- -XAtc 'SELECT count(*) FROM kept')" = 1000 ]
	labctl wait --for db
	run -0 --separate-stderr labctl --json bootstrap citus
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	run -5 labctl node remove node2
	[[ $output == *"node2 cannot be removed: it has the last worker"*"next: labctl -l lab node add -r worker"* ]]
}

@test "without the coordinator, distributed tables go on through a worker; status says what does not" {
	labctl exec 1 -- systemctl stop labctl-pgpool labctl-postgres-coordinator
	run -30 labctl status
	[[ $output == *"without the coordinator of node1: "* ]]
	[ "$(labctl psql node2 -- -XAtc 'SELECT count(*) FROM kept')" = 1000 ]
	labctl psql node2 -- -XAtqc 'INSERT INTO kept VALUES (1001)'
	run ! labctl psql node2 -- -XAtqc 'INSERT INTO kinds VALUES (4)'
	labctl start
	[ "$(sql postgres 'SELECT count(*) FROM kept')" = 1001 ]
}

@test "a new password and settings of a start: everywhere, and every row is there" {
	labctl passwd
	[ "$(sql postgres "SELECT count(*) FROM citus_check_cluster_node_health() WHERE NOT result")" = 0 ]
	# Every setting of Citus that needs a start has one.
	printf '%s\n' 'lab: lab' 'hypervisor: lxc' "image: $(citus_image)" 'nodes: [{name: node1}, {name: node2}]' \
		'cluster: {kind: citus, coordinator: 1, pgpool: 1, worker: 2, settings: {worker: {citus.stat_tenants_limit: 50, work_mem: 5MB}}}' >"$WORK/more.yaml"
	for name in $(sql postgres "SELECT name FROM pg_settings WHERE context = 'postmaster' AND name LIKE 'citus.%'"); do
		sed "s/citus.stat_tenants_limit: 50/$name: 1500/" "$WORK/more.yaml" >"$WORK/one.yaml"
		run -0 labctl -f "$WORK/one.yaml" plan bootstrap
		[[ $output == *"cluster.settings.worker.$name"*"(bootstrap: its servers restart)"* ]]
	done
	labctl -f "$WORK/more.yaml" bootstrap
	[ "$(labctl psql node2 -- -XAtc 'SHOW citus.stat_tenants_limit' -c 'SHOW work_mem' | paste -sd' ')" = '50 5MB' ]
	[ "$(sql postgres 'SELECT count(*) FROM kept')" = 1001 ]
}

@test "destroy leaves the host as it was" {
	labctl destroy
	host_state after
	same_host before after
}
