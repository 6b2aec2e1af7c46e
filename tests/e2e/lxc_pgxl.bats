# SPDX-License-Identifier: PostgreSQL
# Postgres-XL on four containers: GTM, standby, two nodes with proxy, datanode and coordinator. Needs the source archive
# LABCTL_PGXL_ARCHIVE.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	[ -n "${LABCTL_PGXL_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up pgxl
	export LABCTL_HYPERVISOR=lxc
	host_state before
}

teardown_file() {
	[ -n "${LABCTL_PGXL_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	[ -n "${LABCTL_PGXL_ARCHIVE-}" ] || skip "LABCTL_PGXL_ARCHIVE names no Postgres-XL source archive"
	source "$SOURCE_DIR/tests/support/labs.bash"
}

sql() { labctl psql "$1" -- -XAtqc "$2"; }

@test "create 4 and bootstrap pgxl from source" {
	labctl create 4 --image debian12
	run -2 labctl bootstrap pgxl
	[[ $output == *"labctl knows none that its project still publishes"*"--source FILE|URL"* ]]
	DEADLINE=2400 labctl --timings bootstrap pgxl --source "$LABCTL_PGXL_ARCHIVE"
	ran pgxl "$(labctl exec 3 -- /opt/pgxl/bin/psql --version | awk 'NR == 1 {print $NF}')"
}

@test "every coordinator and every datanode knows every node" {
	for n in 3 4; do
		for role in coordinator datanode; do
			[ "$(labctl psql "$n" -r "$role" -- -XAtqc 'SELECT string_agg(node_name, $$ $$ ORDER BY node_name) FROM pgxc_node')" = \
				"coordinator_1 coordinator_2 datanode_1 datanode_2" ]
		done
	done
}

@test "rows go to both datanodes, which exchange them for a join" {
	sql 3 'CREATE TABLE e2e (id int, k int, v text) DISTRIBUTE BY HASH (id)'
	sql 3 "INSERT INTO e2e SELECT g, g % 100, 'x' FROM generate_series(1, 1000) g"
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
	one=$(labctl psql 3 -r datanode -- -XAtqc 'SELECT count(*) FROM e2e') two=$(labctl psql 4 -r datanode -- -XAtqc 'SELECT count(*) FROM e2e')
	((one > 0 && two > 0 && one + two == 1000))
	[ "$(sql 4 'SELECT count(*) FROM e2e a JOIN e2e b ON a.id = b.k')" = 990 ]
}

@test "databases, tables, groups and the superuser's password" {
	labctl db create chores
	labctl psql 4 -- -d chores -XAtqc 'CREATE TABLE t (id int)'
	run -0 --separate-stderr labctl --json db tables
	jq -e '.tables[] | select(.table == "e2e" and .kind == "hash" and .column == "id")' <<<"$output"
	run -0 --separate-stderr labctl --json db nodes
	[ "$(jq '.nodes | length' <<<"$output")" = 4 ]
	labctl db drop chores
	run -4 labctl db drop chores
	labctl passwd
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
}

@test "what Postgres-XL cannot do is refused by name, before anything is touched" {
	run -2 labctl node add
	[[ $output == *"no server can join a cluster of kind pgxl that exists: "* ]]
	run -5 labctl node remove node4
	[[ $output == *"node4 cannot be removed: "* ]]
}

@test "a second bootstrap changes nothing; stop and start keep the rows" {
	run -0 --separate-stderr labctl --json bootstrap pgxl
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	labctl stop
	labctl start
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
	labctl status
}

@test "a killed GTM continues above the numbers and the values that were used" {
	sql 3 'CREATE SEQUENCE counter'
	for n in 3 4 3; do last=$(sql "$n" "SELECT nextval('counter')"); done
	labctl exec 1 -- pkill -9 -x gtm
	run -0 labctl -v bootstrap
	[[ $output == *"the GTM was not stopped cleanly: continues at transaction"* ]]
	next=$(sql 4 "SELECT nextval('counter')")
	((next > last && next < 100000))
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
	labctl status
}

@test "the standby takes over from the GTM, planned and after its death, with all rows and sequences" {
	last=$(sql 3 "SELECT nextval('counter')")
	labctl switchover node2
	next=$(sql 4 "SELECT nextval('counter')")
	((next > last && next < 100000))
	labctl exec 2 -- pkill -9 -x gtm
	labctl failover gtm
	last=$next next=$(sql 3 "SELECT nextval('counter')")
	((next > last && next < 100000))
	[ "$(sql 4 'SELECT count(*) FROM e2e')" = 1000 ]
	labctl rejoin node2
	labctl status
}

@test "destroy leaves the host as it was" {
	labctl destroy
	host_state after
	same_host before after
}
