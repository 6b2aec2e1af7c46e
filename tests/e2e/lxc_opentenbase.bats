# SPDX-License-Identifier: PostgreSQL
# OpenTenBase on four containers: GTM, standby, two nodes with datanode and coordinator. Needs the source archive
# LABCTL_OPENTENBASE_ARCHIVE.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	[ -n "${LABCTL_OPENTENBASE_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up opentenbase
	export LABCTL_HYPERVISOR=lxc
	host_state before
}

teardown_file() {
	[ -n "${LABCTL_OPENTENBASE_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	[ -n "${LABCTL_OPENTENBASE_ARCHIVE-}" ] || skip "LABCTL_OPENTENBASE_ARCHIVE names no OpenTenBase source archive"
	source "$SOURCE_DIR/tests/support/labs.bash"
}

sql() { labctl psql "$1" -- -XAtqc "$2"; }

@test "create 4 and bootstrap opentenbase from source" {
	labctl create 4 --image debian12
	DEADLINE=3600 labctl --timings bootstrap opentenbase --source "$LABCTL_OPENTENBASE_ARCHIVE"
	ran opentenbase "$(labctl exec 3 -- readlink /opt/opentenbase | sed 's/.*_//')"
}

@test "every coordinator and every datanode knows every node" {
	for n in 3 4; do
		for role in coordinator datanode; do
			[ "$(labctl psql "$n" -r "$role" -- -XAtqc 'SELECT string_agg(node_name, $$ $$ ORDER BY node_name) FROM pgxc_node')" = \
				"coordinator_1 coordinator_2 datanode_1 datanode_2 gtm" ]
		done
	done
}

@test "rows go to both datanodes by the map of shards, and are exchanged for a join" {
	[ "$(sql 3 'SELECT count(DISTINCT primarycopy) FROM pgxc_shard_map')" = 2 ]
	sql 3 'CREATE TABLE e2e (id int, k int, v text) DISTRIBUTE BY SHARD (id)'
	sql 3 "INSERT INTO e2e SELECT g, g % 100, 'x' FROM generate_series(1, 1000) g"
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
	one=$(labctl psql 3 -r datanode -- -XAtqc 'SELECT count(*) FROM e2e') two=$(labctl psql 4 -r datanode -- -XAtqc 'SELECT count(*) FROM e2e')
	((one > 0 && two > 0 && one + two == 1000))
	[ "$(sql 4 'SELECT count(*) FROM e2e a JOIN e2e b ON a.id = b.k')" = 990 ]
}

@test "databases, tables and the superuser's password" {
	labctl db create chores
	labctl psql 4 -- -d chores -XAtqc 'CREATE TABLE t (id int)'
	run -0 --separate-stderr labctl --json db tables
	jq -e '.tables[] | select(.table == "e2e" and .kind == "shard" and .column == "id")' <<<"$output"
	run -0 --separate-stderr labctl --json db nodes
	[ "$(jq '.nodes | length' <<<"$output")" = 5 ]
	inside bash -c "exec $(printf '%q' "$LABCTL") psql 3 -- -d chores -c 'SELECT pg_sleep(60)' </dev/null >/dev/null 2>&1 3>&- &"
	for _ in {1..50}; do [ "$(sql 3 "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")" = 1 ] && break; sleep 0.1; done
	run -30 labctl db drop chores
	[[ $output == *"the database is in use by process "* ]]
	labctl db drop --force chores
	run -4 labctl db drop chores
	labctl passwd
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
}

@test "what labctl cannot do with OpenTenBase is refused by name, before anything is touched" {
	run -2 labctl node add
	[[ $output == *"no server can join a cluster of kind opentenbase that exists: "* ]]
	run -5 labctl node remove node4
	[[ $output == *"node4 cannot be removed: "* ]]
}

@test "a second bootstrap changes nothing; stop and start keep the rows" {
	run -0 --separate-stderr labctl --json bootstrap opentenbase
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	labctl stop
	labctl start
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
	labctl status
}

@test "a killed GTM continues above the values that were used" {
	sql 3 'CREATE SEQUENCE counter'
	for n in 3 4 3; do last=$(sql "$n" "SELECT nextval('counter')"); done
	labctl exec 1 -- pkill -9 -x gtm
	run -30 labctl status
	labctl bootstrap
	next=$(sql 4 "SELECT nextval('counter')")
	((next > last && next < 100000))
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
	sql 3 "INSERT INTO e2e VALUES (1001, 1, 'y')"
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1001 ]
	labctl status
}

@test "the standby takes over from the GTM, planned and after its death, with all rows and sequences" {
	last=$(sql 3 "SELECT nextval('counter')")
	labctl switchover node2
	next=$(sql 4 "SELECT nextval('counter')")
	((next > last && next < 100000))
	[ "$(sql 3 "SELECT node_host FROM pgxc_node WHERE node_type = 'G'")" = node2 ]
	labctl exec 2 -- pkill -9 -x gtm
	labctl failover gtm
	last=$next next=$(sql 3 "SELECT nextval('counter')")
	((next > last && next < 100000))
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1001 ]
	labctl rejoin node2
	labctl status
}

@test "a standby that never had the state of the GTM is not promoted" {
	labctl exec 2 -- bash -c 'pkill -9 -x gtm && rm /data/opentenbase_gtm/labctl.follows'
	labctl exec 1 -- pkill -9 -x gtm
	run -30 labctl failover gtm
	[[ $output == *"no gtm_standby answers that could take over"* ]]
	labctl bootstrap
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1001 ]
	labctl status
}

@test "a killed datanode comes back with its rows" {
	labctl exec 3 -- bash -c 'kill -9 "$(head -n 1 /data/opentenbase_datanode/postmaster.pid)"'
	labctl bootstrap
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1001 ]
	labctl status
}

@test "destroy leaves the host as it was" {
	labctl destroy
	host_state after
	same_host before after
}
