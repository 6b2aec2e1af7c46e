# SPDX-License-Identifier: PostgreSQL
# The walk-through's cluster on eight containers: Postgres-XC, built from the source archive LABCTL_PGXC_ARCHIVE.
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

# is_1_0: the archive is of Postgres-XC 1.0, not 1.1.
is_1_0() { [[ $(labctl psql node3 -- -Atc 'SHOW server_version') == 9.1.* ]]; }

@test "create 8 and bootstrap pgxc from source" {
	labctl create 8 --image "$(pgxc_image)"
	labctl --timings bootstrap pgxc --source "$LABCTL_PGXC_ARCHIVE"
	ran pgxc "$(labctl exec 1 -- /opt/pgxc/bin/gtm --version | awk '{print $NF}')"
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
	labctl psql node8 -- -d chores -Atc 'SELECT 1'
	labctl db drop chores
	run -4 labctl db drop chores
	run -2 labctl db shards e2e
}

@test "a database on some nodes only is completed or dropped" {
	on() { labctl --json db list | jq -r --arg name "$1" '.databases[] | select(.database == $name).on'; }
	labctl db create part
	all=$(on part)
	labctl psql node5 -r datanode -- -qc 'set xc_maintenance_mode = on' -c 'drop database part'
	other=coordinate_2
	is_1_0 || other="($other)"
	labctl psql node3 -- -qc 'set xc_maintenance_mode = on' -c "execute direct on $other 'drop database part'"
	[ "$(on part)" != "$all" ]
	labctl db create part
	[ "$(on part)" = "$all" ]
	labctl psql node8 -- -d part -Atc 'SELECT 1'
	labctl psql node5 -r datanode -- -qc 'set xc_maintenance_mode = on' -c 'create database rest'
	run -30 labctl db create rest
	[[ $output == *"it is on datanode_3 but not on coordinate_1"*"labctl db drop"* ]]
	labctl db drop rest
	[ -z "$(on rest)" ]
	labctl db drop part
}

@test "benchmarks run with two-phase commits, and their data stay right on all nodes" {
	DEADLINE=900 labctl bench run --out "$WORK/bench" --targets coordinators --clients 6 --repeats 1 --time 10s --warmup 2s --scale 1 \
		--workloads tpcb,tpcb-key,update-two-two-shards,update-reference,insert-all,sysbench-read-write
	jq -es 'length == 6 and all(.status == "ok" and .transactions > 0)' "$WORK/bench/measurements.jsonl"
	names=$(jq -r '.checks[].name' "$WORK/bench/measurements.jsonl" | sort | uniq -c)
	[[ $names == *"6 no prepared transaction"* && $names == *"3 copies equal"* && $names == *"3 parts in shards"* ]]
}

@test "a crashed GTM gets its sequences back, in all databases, above the used values" {
	labctl db create other
	labctl psql node3 -- -qc 'CREATE SEQUENCE sq' -c 'CREATE TABLE s1 (id serial, v text) DISTRIBUTE BY HASH (id)'
	labctl psql node4 -- -d other -qc 'CREATE SEQUENCE "Up" INCREMENT 5 START 7'
	labctl psql node3 -- -qc "INSERT INTO s1 (v) SELECT 'x' FROM generate_series(1, 10)"
	labctl psql node3 -- -qc 'CREATE SEQUENCE down INCREMENT -5 MAXVALUE 100 START 100' \
		-c 'CREATE SEQUENCE deep INCREMENT -5 MAXVALUE 1000000 START 1000000'
	[ "$(labctl psql node4 -- -qAtc "SELECT nextval('down')")" = 100 ]
	[ "$(labctl psql node4 -- -qAtc "SELECT nextval('deep')")" = 1000000 ]
	for n in 3 5 3; do labctl psql "$n" -- -qAtc "SELECT nextval('sq')"; done
	labctl psql node5 -- -d other -qAtc "SELECT nextval('\"Up\"')"
	labctl exec 1 -- pkill -9 -x gtm
	run -0 labctl -v bootstrap
	# The GTM of 1.1 saves its sequences while it runs.
	restored=
	! is_1_0 || restored="restored in the GTM, "
	[[ $output == *"sequence postgres.public.sq: ${restored}continues after"* ]]
	[[ $output == *"sequence other.public.Up: ${restored}continues after"* ]]
	next=$(labctl psql node4 -- -qAtc "SELECT nextval('sq')")
	((next > 3 && next < 100000))
	# Not below 0: Postgres-XC before 1.1 takes negative values for errors of the GTM.
	next=$(labctl psql node5 -- -qAtc "SELECT nextval('down')")
	if is_1_0; then [ "$next" = 95 ]; else ((next < 100 && next > -100000)); fi
	next=$(labctl psql node5 -- -qAtc "SELECT nextval('deep')")
	((next < 1000000 && next > 900000))
	next=$(labctl psql node3 -- -d other -qAtc "SELECT nextval('\"Up\"')")
	((next > 7 && next < 100000))
	labctl psql node6 -- -qc "INSERT INTO s1 (v) VALUES ('y')"
	[ "$(labctl psql node7 -- -Atc 'SELECT count(DISTINCT id) FROM s1')" = 11 ]
	labctl psql node3 -- -qc 'DROP SEQUENCE sq, down, deep' -c 'DROP TABLE s1'
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

# until_up SECONDS: waits until status reports every role as working, without a bootstrap.
until_up() {
	local end=$((SECONDS + $1))
	until labctl status >"$WORK/status" 2>&1; do
		((SECONDS < end)) || { cat "$WORK/status" && return 1; }
		sleep 5
	done
}

# systemd's signal for a reboot, because the image has no D-Bus.
reboot_nodes() { for n; do labctl exec "$n" -- kill -s RTMIN+5 1; done; }

@test "after a reboot of one node, and of all of them, the cluster comes back without a bootstrap" {
	labctl psql node3 -- -qc 'CREATE SEQUENCE boot'
	[ "$(labctl psql node3 -- -qAtc "SELECT nextval('boot')")" = 1 ]
	reboot_nodes 6
	sleep 10
	until_up 240
	[ "$(labctl psql node6 -- -Atc "SELECT count(*) FROM e2e")" = 1000 ]
	reboot_nodes 8 7 6 5 4 3 2 1
	sleep 15
	until_up 400
	for n in 3 8; do [ "$(labctl psql "$n" -- -Atc "SELECT count(*) FROM e2e")" = 1000 ]; done
	next=$(labctl psql node8 -- -qAtc "SELECT nextval('boot')")
	((next > 1 && next < 100000))
	labctl psql node8 -- -qc "INSERT INTO e2e VALUES (1001, 'y')" -c "DELETE FROM e2e WHERE id = 1001"
}

@test "a GTM whose machine died does not start at boot: status says why, bootstrap starts it above all used numbers" {
	# Not by virsh destroy: that sends TERM first, and the GTM stops cleanly.
	inside sh -c 'read -r pid </run/libvirt/lxc/lab-node1.pid; read -r init _ <"/proc/$pid/task/$pid/children"; kill -KILL "$init"'
	until [ "$(inside virsh -q -c lxc:///system domstate lab-node1)" = "shut off" ]; do sleep 0.2; done
	labctl create
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		run labctl status
		[[ $output != *"labctl bootstrap starts it"* ]] || break
		sleep 5
	done
	[ "$status" = 30 ]
	[[ $output == *"gtm is not running: it was not stopped cleanly"*"labctl bootstrap starts it"* ]]
	labctl bootstrap
	[ "$(labctl psql node7 -- -Atc "SELECT count(*) FROM e2e")" = 1000 ]
	next=$(labctl psql node8 -- -qAtc "SELECT nextval('boot')")
	((next > 2 && next < 100000))
	labctl status
}

@test "status says which role does not work, and why" {
	labctl exec 4 -- pkill -9 -x gtm_proxy
	run -30 labctl status
	[[ $output == *"gtm_proxy: gtm_proxy is not running"* ]]
	labctl exec 4 -- sh -c 'kill -9 $(head -n 1 /data/pgxc_datanode/postmaster.pid)'
	run -30 labctl status
	[[ $output == *"  datanode: node node4 ("* ]]
	labctl exec 4 -- sh -c 'kill -9 $(head -n 1 /data/pgxc_coordinate/postmaster.pid)'
	run -30 labctl status
	[[ $output == *"  coordinator: node node4 ("* ]]
	labctl exec 2 -- pkill -9 -x gtm
	run -30 labctl status
	[[ $output == *"gtm_standby: gtm_standby is not running"* ]]
	labctl bootstrap
	labctl status
}

@test "settings of every role reach the running servers, and a rejected one is reverted" {
	{ cat "$LABCTL_STATE/labs/lab/lab.yaml"; cat <<-'END'
		  settings:
		    gtm: {keepalives_idle: 61}
		    gtm_proxy: {keepalives_idle: 62}
		    datanode: {work_mem: 3MB}
		    coordinator: {work_mem: 5MB, max_connections: 120}
	END
	} >"$WORK/lab.yaml"
	run -0 labctl -f "$WORK/lab.yaml" -v bootstrap
	[[ $output == *"stopped gtm: its configuration changed"*"stopped gtm_proxy: its configuration changed"* ]]
	[ "$(labctl psql node5 -r datanode -- -Atc 'SHOW work_mem')" = 3MB ]
	[ "$(labctl psql node5 -- -Atc 'SHOW work_mem')" = 5MB ]
	[ "$(labctl psql node5 -- -Atc 'SHOW max_connections')" = 120 ]
	labctl exec 1 -- grep -qx "keepalives_idle = '61'" /data/pgxc_gtm/gtm.conf
	[ "$(labctl psql node7 -- -Atc "SELECT count(*) FROM e2e")" = 1000 ]
	run -0 labctl -v bootstrap
	[[ $output != *"its configuration changed"* ]]
	sed -i 's/work_mem: 5MB/work_mem: much/' "$WORK/lab.yaml"
	run ! labctl -f "$WORK/lab.yaml" bootstrap
	echo "$output"
	[[ $output == *"the coordinator rejects its new configuration; it was started with the old one"* ]]
	[ "$(labctl psql node5 -- -Atc 'SHOW work_mem')" = 5MB ]
	sed -i 's/work_mem: much/work_mem: 5MB/' "$WORK/lab.yaml"
	labctl -f "$WORK/lab.yaml" bootstrap
}

# Postgres-XC's own race between a DROP TABLE and other sessions' catalog look-ups remains.
@test "forty clients that create and drop tables at the same time: prepared transactions suffice, and none hangs" {
	labctl exec 3 -- sh -c '
		cd /tmp && for i in $(seq 40); do
			echo "create table ddl_$i (id int, v text) distribute by hash (id); insert into ddl_$i select g from generate_series(1, 50) g; drop table ddl_$i;" |
				timeout 240 su pgxc -c "/opt/pgxc/bin/psql -XAtqw -v ON_ERROR_STOP=1 -h /data/pgxc_coordinate -p 1921 -U postgres -f - postgres" >ddl.$i 2>&1 || echo "client $i: $?" >>ddl.$i &
		done
		wait
		cat ddl.*; rm -f ddl.*' >"$WORK/ddl" 2>&1
	cat "$WORK/ddl"
	run -1 grep -E "client .*: 124" "$WORK/ddl"
	# Most of them have worked: 1.0 fails now and then.
	[ "$(grep -c "^client" "$WORK/ddl")" -lt 10 ]
	run grep ERROR "$WORK/ddl"
	run -1 grep -v -e "cache lookup failed for index" -e "could not find tuple for relation" -e "failed to find dummy PGPROC" <<<"${output:-cache lookup failed for index}"
}

@test "destroy leaves the host as it was" {
	labctl --timings destroy
	host_state after
	same_host before after
}
