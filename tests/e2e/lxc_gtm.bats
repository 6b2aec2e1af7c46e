# SPDX-License-Identifier: PostgreSQL
# The GTM of Postgres-XC killed and replaced by its standby, under load, on four containers. A checker counts: every transaction on
# two datanodes whose commit was reported must be there, whole, and no value of a sequence may come twice. Needs the source
# archive LABCTL_PGXC_ARCHIVE.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	[ -n "${LABCTL_PGXC_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up gtm
	export LABCTL_HYPERVISOR=lxc
	host_state before
	labctl create 4 --image "$(pgxc_image)"
	labctl bootstrap pgxc --source "$LABCTL_PGXC_ARCHIVE"
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

sql() { labctl psql "$1" -- -XAtqc "$2"; }
state_of() { inside virsh -q -c lxc:///system domstate "lab-node$1"; }
gtm_node() { jq -r '.nodes[] | select(.roles | index("gtm")).name' "$LABCTL_STATE/labs/lab/inventory/inventory.json"; }

# Not by virsh destroy: that sends TERM first, and the GTM has time to stop.
crash() {
	local i
	inside sh -c 'read -r pid </run/libvirt/lxc/lab-node$0.pid; read -r init _ <"/proc/$pid/task/$pid/children"; kill -KILL "$init"' "$1"
	for ((i = 0; i < 50; i++)); do [ "$(state_of "$1")" != "shut off" ] || return 0; sleep 0.2; done
	# libvirtd may have lost its connection to the container, and not hear that it ended.
	inside virsh -q -c lxc:///system destroy "lab-node$1"
}

# load: four writers on two coordinators, each on one connection until it breaks, until the file "stop" exists. Each transaction
# has a row on (mostly) two datanodes. A number in asked before it is sent, in ack when its commit was reported; in seq values of
# a sequence.
load() {
	rm -f "$WORK"/{stop,asked.*,ack.*,seq.*,errors.*}
	sql node3 'DROP SEQUENCE IF EXISTS counter' && sql node3 'DROP TABLE IF EXISTS kept'
	sql node3 'CREATE SEQUENCE counter'
	sql node3 'CREATE TABLE kept (writer int, n int, part int, k int) DISTRIBUTE BY HASH (k)'
	# shellcheck disable=SC2016
	inside bash -c '
		export PGPASSFILE=$1 PGCONNECT_TIMEOUT=5 PGUSER=postgres PGDATABASE=postgres
		work=$2
		for writer in 1 2 3 4; do
			(
				host=$(( writer % 2 ))
				[ $host = 0 ] && host=$3 || host=$4
				while [ ! -e "$work/stop" ]; do
					n=$(wc -l <"$work/asked.$writer" 2>/dev/null || echo 0)
					while [ ! -e "$work/stop" ]; do
						n=$((n + 1))
						echo "$n" >>"$work/asked.$writer"
						printf "%s\n" "BEGIN;" "INSERT INTO kept VALUES ($writer, $n, 0, $((2 * n)));" \
							"INSERT INTO kept VALUES ($writer, $n, 1, $((2 * n + 1)));" "COMMIT;" "\\echo ack $n" \
							"SELECT \$\$seq \$\$ || nextval(\$\$counter\$\$);"
						sleep 0.05
					done | timeout -k 5 60 stdbuf -oL psql -XAtqw -v ON_ERROR_STOP=1 "host=$host port=1921" 2>>"$work/errors.$writer" |
						while read -r what v; do echo "$v" >>"$work/$what.$writer"; done
					sleep 0.5
				done
			) &
		done
		wait' _ "$LABCTL_STATE/labs/lab/inventory/pgpass" "$WORK" "$(address node3)" "$(address node4)" 3>&- &
	LOAD=$!
}

address() { jq -r --arg n "$1" '.nodes[] | select(.name == $n).address' "$LABCTL_STATE/labs/lab/inventory/inventory.json"; }

# ended NAME: ends the load and counts; prints what it counted.
ended() {
	local writer lost=0 doubtful=0 acked=0 half twice
	touch "$WORK/stop"
	wait "$LOAD"
	sql node4 'SELECT writer, n, count(*) FROM kept GROUP BY 1, 2' >"$WORK/rows"
	half=$(awk -F'|' '$3 != 2' "$WORK/rows" | wc -l)
	cut -d'|' -f1,2 "$WORK/rows" | sort -u >"$WORK/there"
	for writer in 1 2 3 4; do
		sed "s/^/$writer|/" "$WORK/ack.$writer" | sort >"$WORK/acked"
		sed "s/^/$writer|/" "$WORK/asked.$writer" | sort >"$WORK/asked"
		acked=$((acked + $(wc -l <"$WORK/acked")))
		lost=$((lost + $(comm -23 "$WORK/acked" "$WORK/there" | wc -l)))
		doubtful=$((doubtful + $(comm -13 "$WORK/acked" "$WORK/asked" | comm -12 - "$WORK/there" | wc -l)))
	done
	sort -n "$WORK"/seq.* >"$WORK/values"
	twice=$(uniq -d "$WORK/values" | wc -l)
	echo "# $1: $acked committed, $lost lost, $doubtful doubtful and there, $half half there;" \
		"$(wc -l <"$WORK/values") values of the sequence, $twice twice" >&3
	[ "$acked" -gt 50 ]
	[ "$lost $half $twice" = "0 0 0" ]
	# Nothing holds a lock for ever.
	for node in 3 4; do [ "$(labctl psql "$node" -r datanode -- -XAtqc 'SELECT count(*) FROM pg_prepared_xacts')" = 0 ]; done
	[ "$(tail -n 1 "$WORK/values")" -lt 100000 ]
}

unchanged() {
	run -0 --separate-stderr labctl --json bootstrap
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "failover of the GTM, whose machine died under load: no row, no value of a sequence is lost or comes twice" {
	labctl psql node3 -- -qc 'CREATE TABLE taken (id serial, v text) DISTRIBUTE BY HASH (id)'
	sql node3 "INSERT INTO taken (v) SELECT 'x' FROM generate_series(1, 10)"
	run -5 labctl failover gtm
	[[ $output == *"the gtm on node1 answers: nothing has failed"*"next: labctl -l lab switchover"* ]]
	load
	sleep 3
	crash 1
	run -0 --separate-stderr labctl -n failover gtm
	[[ $output == *"lost: no committed row"*"data.fence/node1"*"gtm.promote/node2"*"coordinator.shut/node3"*"gtm.start/node2"* ]]
	SECONDS=0
	labctl failover gtm
	echo "# failover: $SECONDS s" >&3
	sleep 3
	ended failover
	[ "$(gtm_node)" = node2 ]
	sql node4 "INSERT INTO taken (v) VALUES ('y')"
	[ "$(sql node3 'SELECT count(DISTINCT id) FROM taken')" = 11 ]
	run -30 labctl status
	[[ $output == *"node1: its machine is shut off"* ]]
}

@test "the old GTM does not come up as a second one, and the cluster starts and stops without it" {
	run -20 labctl start node1
	[[ $output == *"that of an old GTM, from which another one took over"*"next: labctl -l lab rejoin node1"* ]]
	sleep 6
	[ -z "$(labctl exec node1 -- 'pgrep -x gtm' | grep -o '[0-9]*$')" ]
	run -20 labctl bootstrap
	[[ $output == *"next: labctl -l lab rejoin node1"* ]]
	labctl stop -r gtm
	run -20 labctl start
	[[ $output == *"next: labctl -l lab rejoin node1"* ]]
	[ "$(sql node3 'SELECT count(DISTINCT id) FROM taken')" = 11 ]
}

@test "rejoin makes it the standby, in a new directory" {
	run -0 --separate-stderr labctl -n rejoin node1
	[[ $output == *"lost: nothing"*"gtm_standby.rejoin/node1"* ]]
	labctl rejoin node1
	labctl status
	unchanged
}

@test "switchover under load, back to the first node" {
	load
	sleep 3
	SECONDS=0
	labctl switchover
	echo "# switchover: $SECONDS s" >&3
	sleep 3
	ended switchover
	[ "$(gtm_node)" = node1 ]
	labctl status
	run ! grep promoted "$LABCTL_STATE/labs/lab/lab.yaml"
	unchanged
}

@test "a killed GTM that is started again in its place: no value of a sequence comes twice" {
	load
	sleep 3
	labctl exec node1 -- pkill -9 -x gtm
	# A part of the cluster is not enough to find the sequences: coordinators stay closed until all of it is started.
	run -20 labctl start -r gtm
	echo "$output"
	[[ $output == *"coordinators are closed to clients until it does"*"next: labctl -l lab start"* ]]
	labctl start
	sleep 3
	ended "start after a kill"
	labctl status
}

@test "a failover that is killed in the middle is finished by the same command" {
	crash 1
	for text in "its server can only start as a standby: done" "give the standby's directory to the GTM: done" "start the GTM: done"; do
		killed_at "$text" failover gtm
	done
	labctl failover gtm
	[ "$(gtm_node)" = node2 ]
	[ "$(sql node3 'SELECT count(DISTINCT id) FROM taken')" = 11 ]
	labctl rejoin node1
	labctl status
	unchanged
}

# says TEXT: status does, maybe not at once on a busy host.
says() {
	local i
	for i in 1 2 3 4 5; do
		run labctl status
		[[ $output != *"$1"* ]] || return 0
		sleep 1
	done
	echo "$output" && false
}

@test "a transaction that was left in doubt: status names it with the command, start ends it, a failover would not finish" {
	mkdir "$WORK/library"
	cp -r "$SOURCE_DIR"/{domains,kickstart,tuning} "$WORK/library/"
	# Minutes are seconds here.
	sed -i "s/interval '5 minutes'/interval '1 s'/" "$WORK/library/tuning/pgxc/status_prepared.sql"
	sed -i "s/unclean ? 0 : 300/unclean ? 0 : 1/" "$WORK/library/tuning/pgxc/doubtful.sh"
	sed -i "s/interval '300 s'/interval '1 s'/" "$WORK/library/tuning/pgxc/postmaster.start.sh"
	sql node3 'DROP TABLE IF EXISTS held' && sql node3 'CREATE TABLE held (k int) DISTRIBUTE BY HASH (k)'
	labctl psql node4 -r datanode -- -Xq <<<"BEGIN; LOCK TABLE held; PREPARE TRANSACTION 'T99';"
	labctl psql node4 -r datanode -- -Xq <<<"BEGIN; PREPARE TRANSACTION 'by hand';"
	sleep 2
	run labctl status
	[[ $output != *"was prepared"* ]]
	LABCTL_DATA=$WORK/library says "node4: transaction T99 of database postgres was prepared 0 minutes ago on its datanode and holds its locks: labctl -l lab start"
	[[ $output == *"transaction by hand of database postgres"*"psql node4 -r datanode -- -d postgres -c "*"ROLLBACK PREPARED"* ]]
	sed -i -e "s/interval '15 s'/interval '1 s'/" -e 's/wait_for 60/wait_for 3/' "$WORK/library/tuning/pgxc/doubtful_left.sh"
	LABCTL_DATA=$WORK/library labctl render --out "$WORK/render" >/dev/null
	run -1 labctl ssh node3 -- bash -s < <(sed 's/<value:unclean>/1/' "$WORK/render/nodes/node3/scripts/"*-doubtful.left.sh)
	echo "$output"
	[[ $output == *"::evidence datanode_2: T99 of database postgres"*"::next labctl -l lab start"*"::fail transactions are left"* ]]
	LABCTL_DATA=$WORK/library labctl start
	[ "$(labctl psql node4 -r datanode -- -XAtqc 'SELECT gid FROM pg_prepared_xacts')" = "by hand" ]
	labctl psql node4 -r datanode -- -Xqc "ROLLBACK PREPARED 'by hand'"
}

@test "destroy leaves the host as it was" {
	labctl destroy
	host_state after
	same_host before after
}
