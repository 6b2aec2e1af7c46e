# SPDX-License-Identifier: PostgreSQL
# Postgres-XC gets another coordinator and loses one, on three and four containers: tables on some datanodes only, sequences, roles,
# databases. Needs the source archive LABCTL_PGXC_ARCHIVE.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	[ -n "${LABCTL_PGXC_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up pgxc-nodes
	export LABCTL_HYPERVISOR=lxc LABCTL_FILE=$WORK/xc.yaml
	printf '%s\n' 'lab: xc' 'nodes: 2' \
		'cluster: {kind: pgxc, gtm: {on: "1"}, gtm_proxy: {on: "1-2"}, datanode: {on: "1-2"}, coordinator: {on: "1-2"}}' >"$LABCTL_FILE"
	host_state before
	labctl create
	labctl bootstrap --source "$LABCTL_PGXC_ARCHIVE"
	sql 1 "CREATE ROLE reader LOGIN PASSWORD 'secret'"
	sql 1 'CREATE TABLE everywhere (id serial, v text) DISTRIBUTE BY HASH (id)'
	sql 1 "INSERT INTO everywhere (v) SELECT 'x' FROM generate_series(1, 1000)"
	sql 1 'CREATE TABLE copied (id int) DISTRIBUTE BY REPLICATION'
	sql 1 'INSERT INTO copied VALUES (1)'
	sql 1 'CREATE DATABASE other'
	other 1 'CREATE TABLE "On One" (id int) DISTRIBUTE BY HASH (id) TO NODE datanode_2'
	other 1 'INSERT INTO "On One" SELECT generate_series(1, 10)'
}

teardown_file() {
	[ -n "${LABCTL_PGXC_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	[ -n "${LABCTL_PGXC_ARCHIVE-}" ] || skip "LABCTL_PGXC_ARCHIVE names no Postgres-XC source archive"
	source "$SOURCE_DIR/tests/support/labs.bash"
}

sql() { labctl psql "$1" -r coordinator -- -XAtqc "$2"; }
other() { labctl psql "$1" -r coordinator -- -XAtqd other -c "$2"; }

# The coordinators that each of the nodes in $@ knows.
known() {
	local n
	for n; do sql "$n" "SELECT string_agg(node_name, ' ' ORDER BY node_name) FROM pgxc_node WHERE node_type = 'C'"; done | sort -u
}

@test "what cannot be added or removed is refused by name, before anything is touched" {
	run -2 labctl node add -r datanode
	[[ $output == *"cannot get another datanode"*"coordinator"* ]]
	run -5 labctl node remove node2
	[[ $output == *"its datanode has rows of tables, and Postgres-XC 1.0 cannot move them"* ]]
	[ ! -e "$LABCTL_STATE/labs/xc/joining" ]
}

@test "node add, killed in the middle and run again: a coordinator that knows every table, known by all" {
	killed_at "node3    start the coordinator: done" node add
	labctl node add
	[ "$(known 1 2 3)" = "coordinate_1 coordinate_2 coordinate_3" ]
	[ "$(sql 3 'SELECT count(*) FROM everywhere')" = 1000 ]
	[ "$(other 3 'SELECT count(*) FROM "On One"')" = 10 ]
	[ "$(sql 3 "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'reader'")" = t ]
	# Rows written by each are read by the others, at the same place.
	sql 3 "INSERT INTO everywhere (v) VALUES ('y')"
	other 3 'INSERT INTO "On One" SELECT generate_series(11, 20)'
	sql 3 'INSERT INTO copied VALUES (2)'
	[ "$(sql 1 'SELECT count(DISTINCT id) FROM everywhere')" = 1001 ]
	[ "$(sql 1 'SELECT count(*) FROM everywhere WHERE id = 7') $(sql 3 'SELECT count(*) FROM everywhere WHERE id = 7')" = "1 1" ]
	[ "$(other 1 'SELECT count(*) FROM "On One"') $(labctl psql 2 -r datanode -- -XAtqd other -c 'SELECT count(*) FROM "On One"')" = "20 20" ]
	# Definitions reach all three, whoever makes them.
	sql 1 'CREATE TABLE later (id int) DISTRIBUTE BY HASH (id)'
	sql 3 'INSERT INTO later SELECT generate_series(1, 100)'
	sql 3 'CREATE TABLE last (id int) DISTRIBUTE BY HASH (id)'
	[ "$(sql 2 'SELECT count(*) FROM later') $(sql 2 'SELECT count(*) FROM last')" = "100 0" ]
	labctl status
	run -5 labctl bootstrap
	[[ $output == *"nodes has 3, wanted 2"*"labctl -l xc node remove node3"* ]]
	sed -i 's/nodes: 2/nodes: 3/; s/\(gtm_proxy: {on: "1-\)2/\13/; s/\(coordinator: {on: "1-\)2/\13/' "$LABCTL_FILE"
	run -0 --separate-stderr labctl --json bootstrap
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done" and (.id | startswith("lab.") | not))] | length' <<<"$output")" = 0 ]
}

@test "node remove: the others forget the coordinator, and keep every row" {
	run -0 --separate-stderr labctl -n node remove node3
	[[ $output == *"lost: nothing"*"coordinator.forget/node1"* ]]
	labctl node remove node3
	[ "$(known 1 2)" = "coordinate_1 coordinate_2" ]
	sql 2 'DROP TABLE later' && sql 1 'DROP TABLE last'
	[ "$(sql 2 'SELECT count(*) FROM everywhere') $(other 1 'SELECT count(*) FROM "On One"')" = "1001 20" ]
	labctl status
	labctl destroy
	host_state after
	same_host before after
}
