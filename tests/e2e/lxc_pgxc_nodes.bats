# SPDX-License-Identifier: PostgreSQL
# Postgres-XC gets another coordinator and another datanode, and loses both, on two and three containers: tables on some datanodes only,
# sequences, roles, databases. Needs the source archive LABCTL_PGXC_ARCHIVE.
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
	run -2 labctl node add -r gtm_standby
	[[ $output == *"cannot get another gtm_standby"*"coordinator"* ]]
	run -5 labctl node remove node1
	[[ $output == *"it has the GTM"* ]]
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
}

# The rows of the table $1 in database ${2-postgres} that each datanode has.
rows() {
	local n
	for n in 1 2 3; do
		labctl psql "$n" -r datanode -- -XAtqd "${2-postgres}" -c "SELECT count(*) FROM $1"
	done | paste -sd' '
}
seen() { # the same from each coordinator
	local n
	for n in 1 2; do labctl psql "$n" -r coordinator -- -XAtqd "${2-postgres}" -c "SELECT count(*) FROM $1"; done | sort -u
}

@test "a datanode joins, killed in the middle and run again: new tables use it, old ones stay as they are" {
	sed -i 's/nodes: 3/nodes: 2/; s/on: "1-3"/on: "1-2"/g' "$LABCTL_FILE"
	sql 1 'CREATE VIEW seven AS SELECT * FROM everywhere WHERE id = 7'
	sql 1 'CREATE INDEX by_v ON everywhere (v)'
	sql 1 'CREATE TABLE parent (id int PRIMARY KEY) DISTRIBUTE BY REPLICATION'
	sql 1 'CREATE TABLE child (id int, p int REFERENCES parent) DISTRIBUTE BY HASH (id)'
	other 2 'CREATE TABLE "Odd "" name é" (k text, n int DEFAULT 3) DISTRIBUTE BY HASH (k)'
	other 2 "INSERT INTO \"Odd \"\" name é\" SELECT 'k' || n FROM generate_series(1, 100) n"
	killed_at "node3    start the datanode: done" node add -r datanode
	run ! labctl db rebalance
	[[ $output == *"datanode_3 has not joined the cluster yet"*"next: labctl -l xc bootstrap"* ]]
	labctl node add -r datanode
	sql 2 'CREATE TABLE wide (id int) DISTRIBUTE BY HASH (id)'
	sql 1 'INSERT INTO wide SELECT generate_series(1, 1000)'
	[ "$(seen wide)" = 1000 ]
	[[ $(rows wide) != *" 0" ]]
	[[ $(rows everywhere) == *" 0" ]]
	[ "$(seen everywhere) $(seen copied) $(seen '"On One"' other) $(seen '"Odd "" name é"' other)" = "1001 2 20 100" ]
	labctl status
}

@test "db rebalance, killed while the coordinators are closed: tables move with their rows, and what cannot move is named" {
	killed_at "node1    close the coordinator while tables move: done" db rebalance
	run -0 labctl db rebalance
	echo "$output"
	[[ $output == *"public.child of database postgres: it has a foreign key"* ]]
	[[ $output == *'public."On One" of database other: it was made for datanode_2'* ]]
	[ "$(seen everywhere) $(seen copied) $(seen '"On One"' other) $(seen '"Odd "" name é"' other) $(seen seven)" = "1001 2 20 100 1" ]
	[[ $(rows everywhere) != *" 0" && $(rows '"Odd "" name é"' other) != *" 0" && $(rows '"On One"' other) == "0 20 0" ]]
	[ "$(rows copied)" = "2 2 2" ]
	[ "$(rows everywhere | awk '{ print $1 + $2 + $3 }')" = 1001 ]
	sql 2 "INSERT INTO everywhere (v) VALUES ('z')"
	[ "$(sql 1 'SELECT count(DISTINCT id) FROM everywhere')" = 1002 ]
	[ "$(sql 1 "SELECT count(*) FROM pg_class WHERE relname = 'labctl_moving'")" = 0 ]
	run -0 --separate-stderr labctl --json db rebalance
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	# Definitions reach the datanodes as before.
	sql 2 'ALTER TABLE everywhere ADD COLUMN more int'
	sql 1 'UPDATE everywhere SET more = 1'
	[ "$(sql 2 'SELECT sum(more) FROM everywhere')" = 1002 ]
	sql 1 'DROP TABLE child' && sql 1 'DROP TABLE parent'
}

@test "a datanode leaves with its rows moved; with rows that cannot move, or dead, it stays" {
	sql 1 'CREATE TABLE old (id int PRIMARY KEY) DISTRIBUTE BY REPLICATION'
	sql 1 'CREATE TABLE young (id int, p int REFERENCES old) DISTRIBUTE BY HASH (id)'
	other 1 'CREATE TABLE alone (id int) DISTRIBUTE BY HASH (id) TO NODE datanode_3'
	run ! labctl node remove node3
	echo "$output"
	[[ $output == *"public.alone of database other: it is on datanode_3 only"*"public.young of database postgres: it has a foreign key"*"next: change or drop these tables"* ]]
	[ "$(seen everywhere)" = 1002 ]
	sql 1 'ALTER TABLE young DROP CONSTRAINT young_p_fkey'
	other 2 'DROP TABLE alone'
	labctl stop --now node3
	run -5 labctl node remove node3 --force
	[[ $output == *"rows of public.everywhere in database postgres"*"its server does not answer"*"next: labctl -l xc start node3"* ]]
	run -30 labctl status
	echo "$output"
	[[ $output == *"without the datanode of node3 cannot be read or written: "*"public.everywhere"* ]]
	labctl start node3
	killed_at "node1    move tables: done" node remove node3
	labctl node remove node3
	[ "$(seen everywhere) $(seen wide) $(seen copied) $(seen '"Odd "" name é"' other) $(seen '"On One"' other)" = "1002 1000 2 100 20" ]
	[ "$(sql 1 "SELECT string_agg(node_name, ' ' ORDER BY node_name) FROM pgxc_node WHERE node_type = 'D'")" = "datanode_1 datanode_2" ]
	sql 2 'CREATE TABLE after (id int) DISTRIBUTE BY HASH (id)'
	sql 1 'INSERT INTO after SELECT generate_series(1, 10)'
	[ "$(seen after)" = 10 ]
	labctl status
	labctl bootstrap
}

@test "passwd: a new password on every server, and the old one no longer works" {
	old=$(awk -F: '/^[^#]/ { print $5; exit }' "$LABCTL_STATE/labs/xc/inventory/pgpass")
	labctl passwd
	for n in 1 2; do
		for role in coordinator datanode; do
			[ "$(labctl psql $n -r $role -- -XAtqc 'SELECT 1')" = 1 ]
		done
	done
	address=$(labctl inventory --format json | jq -r '.nodes[0].address')
	run ! inside env PGPASSWORD="$old" PGPASSFILE=/dev/null psql -h "$address" -p 1921 -U postgres -XAtqwc 'SELECT 1'
	echo "$output"
	[[ $output == *"password authentication failed"* ]]
}

@test "a cluster of one coordinator and one datanode is left; a table that cannot move stops it before anything is touched" {
	sql 1 'ALTER TABLE young ADD FOREIGN KEY (p) REFERENCES old'
	run ! labctl node remove node2
	[[ $output == *"public.young of database postgres: it has a foreign key"* ]]
	[ "$(sql 1 "SELECT string_agg(node_name, ' ' ORDER BY node_name) FROM pgxc_node WHERE node_type = 'D'")" = "datanode_1 datanode_2" ]
	[ "$(seen everywhere)" = 1002 ]
	sql 1 'ALTER TABLE young DROP CONSTRAINT young_p_fkey'
	other 1 'DROP TABLE "On One"'
	labctl node remove node2
	[ "$(sql 1 "SELECT string_agg(node_name, ' ' ORDER BY node_name) FROM pgxc_node")" = "coordinate_1 datanode_1" ]
	[ "$(sql 1 'SELECT count(*) FROM everywhere') $(other 1 'SELECT count(*) FROM "Odd "" name é"') $(sql 1 'SELECT count(*) FROM copied')" = "1002 100 2" ]
	labctl status
	labctl destroy
	host_state after
	same_host before after
}
