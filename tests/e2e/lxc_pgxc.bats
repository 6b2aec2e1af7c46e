# SPDX-License-Identifier: PostgreSQL
# The seed's cluster for real: Postgres-XC on eight containers, from the source archive that LABCTL_PGXC_ARCHIVE names.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	[ -n "${LABCTL_PGXC_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up pgxc
	export LABCTL_HYPERVISOR=lxc
	host_state before
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

@test "create 8 and bootstrap pgxc from source" {
	labctl create 8
	labctl --timings bootstrap pgxc --source "$LABCTL_PGXC_ARCHIVE"
}

@test "every coordinator knows every node" {
	for n in 3 4 5 6 7 8; do
		[ "$(labctl psql "$n" -- -Atc "SELECT count(*) FROM pgxc_node")" = 12 ]
	done
}

@test "rows written through one coordinator are read through the others" {
	labctl psql node3 -- -qc 'CREATE TABLE e2e (id int PRIMARY KEY, v text) DISTRIBUTE BY HASH (id)' 
	labctl psql node3 -- -qc "INSERT INTO e2e SELECT g, 'x' FROM generate_series(1, 1000) g"
	for n in 4 5 6 7 8; do
		[ "$(labctl psql "$n" -- -Atc "SELECT count(*) FROM e2e")" = 1000 ]
	done
}

@test "the db queries work with the catalogs of Postgres-XC" {
	run -0 --separate-stderr labctl --json db tables
	jq -e '.tables[] | select(.table == "e2e" and .kind == "hash" and .column == "id")' <<<"$output"
	run -0 --separate-stderr labctl --json db nodes
	[ "$(jq '.nodes | length' <<<"$output")" = 12 ]
	labctl db create chores
	labctl psql node8 -- -d database tasks -Atc 'SELECT 1'
	labctl db drop chores
	run -4 labctl db drop chores
	run -2 labctl db shards e2e
}

@test "a database on some nodes only is completed or dropped" {
	on() { labctl --json db list | jq -r --arg name "$1" '.databases[] | select(.database == $name).on'; }
	labctl db create part
	all=$(on part)
	labctl psql node5 -r datanode -- -qc 'drop database part'
	labctl psql node3 -- -qc 'set xc_maintenance_mode = on' -c "execute direct on coordinate_2 'drop database part'"
	[ "$(on part)" != "$all" ]
	labctl db create part
	[ "$(on part)" = "$all" ]
	labctl psql node8 -- -d part -Atc 'SELECT 1'
	labctl psql node5 -r datanode -- -qc 'create database rest'
	run -30 labctl db create rest
	[[ $output == *"it is on datanode_3 but not on coordinate_1"*"labctl db drop"* ]]
	labctl db drop rest
	[ -z "$(on rest)" ]
	labctl db drop part
}

@test "a crashed GTM gets its sequences back, in all databases, above the used values" {
	labctl db create other
	labctl psql node3 -- -qc 'CREATE SEQUENCE sq' -c 'CREATE TABLE s1 (id serial, v text) DISTRIBUTE BY HASH (id)'
	labctl psql node4 -- -d other -qc 'CREATE SEQUENCE "Up" INCREMENT 5 START 7'
	labctl psql node3 -- -qc "INSERT INTO s1 (v) SELECT 'x' FROM generate_series(1, 10)"
	for n in 3 5 3; do labctl psql "$n" -- -qAtc "SELECT nextval('sq')"; done
	labctl psql node5 -- -d other -qAtc "SELECT nextval('\"Up\"')"
	labctl exec 1 -- pkill -9 -x gtm
	run -0 labctl -v bootstrap
	[[ $output == *"sequence postgres.public.sq: restored in the GTM, continues after"* ]]
	[[ $output == *"sequence other.public.Up: restored in the GTM, continues after"* ]]
	next=$(labctl psql node4 -- -qAtc "SELECT nextval('sq')")
	((next > 3 && next < 100000))
	next=$(labctl psql node3 -- -d other -qAtc "SELECT nextval('\"Up\"')")
	((next > 7 && next < 100000))
	labctl psql node6 -- -qc "INSERT INTO s1 (v) VALUES ('y')"
	[ "$(labctl psql node7 -- -Atc 'SELECT count(DISTINCT id) FROM s1')" = 11 ]
	labctl psql node3 -- -qc 'DROP SEQUENCE sq' -c 'DROP TABLE s1'
	labctl db drop other
}

@test "bootstrap and status warn if an update that datanodes cannot run alone misses a copy" {
	labctl psql node3 -- -qc 'CREATE TABLE r (id int, v text) DISTRIBUTE BY REPLICATION' \
		-c "INSERT INTO r VALUES (1, 'old')" -c "UPDATE r SET v = 'new' WHERE id = 1 AND random() < 2"
	on_primary=$(labctl psql node3 -r datanode -- -Atc 'SELECT v FROM r')
	labctl psql node3 -- -qc 'DROP TABLE r'
	for command in bootstrap status; do
		run -0 labctl $command
		[ "$on_primary" = new ] || [[ $output == *"warning: node3: Postgres-XC 1.0."*"do not reach the primary datanode datanode_1"* ]]
		[ "$on_primary" = old ] || [[ $output != *"do not reach the primary"* ]]
	done
}

@test "a second bootstrap changes nothing" {
	run -0 --separate-stderr labctl --json bootstrap pgxc
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "create and bootstrap repair a datanode whose machine died" {
	inside virsh -q -c lxc:///system destroy lab-node5
	labctl create
	labctl bootstrap
	[ "$(labctl psql node4 -- -Atc "SELECT count(*) FROM e2e")" = 1000 ]
}

@test "destroy leaves the host as it was" {
	labctl --timings destroy
	host_state after
	same_host before after
}
