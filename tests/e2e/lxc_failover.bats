# SPDX-License-Identifier: PostgreSQL
# A primary with two standbys and pgpool-II: planned switchover under load, the primary killed, failover, rejoin, the old
# primary started in every way. A checker counts: every row whose commit was reported must be there.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up failover
	export LABCTL_HYPERVISOR=lxc LABCTL_FILE=$WORK/pg.yaml
	printf '%s\n' 'lab: pg' 'nodes: 3' 'cluster: {kind: postgres, pgpool: 3}' >"$LABCTL_FILE"
	host_state before
	labctl create
	labctl bootstrap
	labctl psql -- -qc 'CREATE TABLE kept (writer int, n int, PRIMARY KEY (writer, n))'
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

sql() { labctl psql "$1" -- -XAtqc "$2"; }
state_of() { inside virsh -q -c lxc:///system domstate "pg-node$1"; }
step() { jq -r --arg id "$1" '.steps[] | select(.id == $id).state' <<<"$output"; }

# load WRITERS ADDRESSES: two writers, each on one connection to whichever address is the primary, until the file
# "stop" exists. A line in acked when the server has reported the commit; in asked before the statement is sent.
load() {
	rm -f "$WORK/stop"
	# shellcheck disable=SC2016
	inside bash -c '
		export PGPASSFILE=$1 PGCONNECT_TIMEOUT=2 PGUSER=postgres PGDATABASE=postgres
		work=$2
		for writer in $3; do
			(
				n=0
				while [ ! -e "$work/stop" ]; do
					# One session; when it breaks, the number after the last one that was asked.
					n=$(wc -l <"$work/asked.$writer" 2>/dev/null || echo 0)
					while [ ! -e "$work/stop" ]; do
						n=$((n + 1))
						echo "$n" >>"$work/asked.$writer"
						echo "INSERT INTO kept VALUES ($writer, $n) RETURNING n;"
						sleep 0.05
					done | stdbuf -oL psql -XAtqw -v ON_ERROR_STOP=1 "host=$4 port=5432 target_session_attrs=read-write" \
						>>"$work/acked.$writer" 2>/dev/null
					sleep 0.5
				done
			) &
		done
		wait' _ "$LABCTL_STATE/labs/pg/inventory/pgpass" "$WORK" "$1" "$2" 3>&- &
	LOAD=$!
}

# Rows whose commit was reported and that are not there; prints the doubtful ones: asked, no answer, there.
count() {
	local writer lost=0 doubtful=0 acked=0
	: >"$WORK/there"
	sql "$1" 'SELECT writer, n FROM kept' | sort >"$WORK/there"
	for writer in 1 2; do
		[ -e "$WORK/acked.$writer" ] || continue
		sed "s/^/$writer|/" "$WORK/acked.$writer" | sort >"$WORK/acked"
		sed "s/^/$writer|/" "$WORK/asked.$writer" | sort >"$WORK/asked"
		acked=$((acked + $(wc -l <"$WORK/acked")))
		lost=$((lost + $(comm -23 "$WORK/acked" "$WORK/there" | wc -l)))
		doubtful=$((doubtful + $(comm -13 "$WORK/acked" "$WORK/asked" | comm -12 - "$WORK/there" | wc -l)))
	done
	ACKED=$acked LOST=$lost
	echo "# $2: $acked committed, $lost lost, $doubtful doubtful and there" >&3
}

addresses() { jq -r '[.nodes[].address] | join(",")' "$LABCTL_STATE/labs/pg/inventory/inventory.json"; }

leader() { jq -r '.endpoints[] | select(.services | index("pg")).node' "$LABCTL_STATE/labs/pg/inventory/inventory.json"; }

# lost_here: the number in the output of -n.
lost_here() { sed -n 's/^lost: nothing.*/0/p; s/^lost: \([0-9]*\) transaction.*/\1/p' <<<"$output"; }

# At most one server accepts writes.
primaries() {
	local n
	for n in 1 2 3; do
		sql "$n" "SELECT 'primary' WHERE NOT pg_is_in_recovery()" 2>/dev/null || true
	done | grep -c primary
}

@test "switchover under load: no committed row is lost, all follow, everything knows the new primary" {
	run -0 --separate-stderr labctl -n switchover node2
	[[ $output == *"lost: nothing: node1 ends cleanly, and node2 must have all that it wrote"*"primary.promote/node2"* ]]
	load "1 2" "$(addresses)"
	sleep 2
	SECONDS=0
	labctl switchover node2
	echo "# switchover: $SECONDS s" >&3
	sleep 2
	touch "$WORK/stop"
	wait "$LOAD"
	count 2 switchover
	[ "$LOST" = 0 ] && [ "$ACKED" -gt 50 ]
	[ "$(primaries)" = 1 ]
	labctl status
	[ "$(sql 1 'SELECT pg_is_in_recovery()')" = t ]
	[ "$(inside bash -c 'eval "$("$LABCTL" env)" && psql -wAtc "SELECT pg_is_in_recovery()"' | tail -n 1)" = f ]
	labctl psql -r pgpool -- -qc 'INSERT INTO kept VALUES (0, 1)'
	# What the lab file says is where the roles were at first: it changes nothing.
	for command in create bootstrap; do
		run -0 --separate-stderr labctl --json "$command"
		jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
		[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	done
	run -0 --separate-stderr labctl --json switchover node2
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "stop and start of the lab: the order of the new roles" {
	run -0 --separate-stderr labctl --json stop
	[ "$(step primary.stop/node2) $(step standby.stop/node1)" = "done done" ]
	labctl start
	[ "$(primaries)" = 1 ]
	[ "$(sql 2 'SELECT pg_is_in_recovery()')" = f ]
}

@test "the primary dies with its machine, under load: failover counts, and says what is not known" {
	run -5 labctl failover primary
	[[ $output == *"the primary on node2 answers: nothing has failed"*"next: labctl -l pg switchover"* ]]
	load "1 2" "$(addresses)"
	sleep 2
	# Not by virsh destroy: that sends TERM first, and the server has time to stop.
	inside sh -c 'read -r pid </run/libvirt/lxc/pg-node2.pid; read -r init _ <"/proc/$pid/task/$pid/children"; kill -KILL "$init"'
	until [ "$(state_of 2)" = "shut off" ]; do sleep 0.2; done
	LABCTL_YES=0 run -2 labctl failover node2 </dev/null
	[[ $output == *"what node2 committed and node"*"has not received"* ]]
	# Killed when the new one is promoted, and run again.
	killed_at "promote it: done" failover node2
	run -30 labctl status
	[[ $output == *"next: labctl -l pg failover primary    (it did not end)"* ]]
	labctl failover node2
	run -2 labctl failover node2
	[[ $output == *"node2 does not have the primary: it is on node"*"next: labctl -l pg rejoin node2"* ]]
	sleep 2
	touch "$WORK/stop"
	wait "$LOAD"
	new=$(leader)
	[ "$new" != node2 ]
	count "$new" failover
	echo "$LOST" >"$WORK/lost"
	[ "$(primaries)" = 1 ]
	labctl psql -r pgpool -- -qc 'INSERT INTO kept VALUES (0, 2)'
}

@test "the old primary cannot come up as a second one: by start, by its machine, by hand" {
	# Its machine boots, and systemd starts its server as it was.
	run -20 labctl start node2
	[[ $output == *"that of an old primary, from which another server took over"*"next: labctl -l pg rejoin node2"* ]]
	[ "$(state_of 2)" = running ]
	[ "$(primaries)" = 1 ]
	labctl exec 2 -- 'su postgres -c "/usr/lib/postgresql/*/bin/pg_ctl -W -D /data/pgsql start" >/dev/null </dev/null; sleep 2'
	[ "$(primaries)" = 1 ]
	run ! sql 2 'SELECT 1'
	run -20 labctl bootstrap
	[[ $output == *"it must rejoin"* ]]
}

@test "rejoin rewinds it, counts what is lost, and it follows" {
	run -0 --separate-stderr labctl -n rejoin node2
	echo "# rejoin: $(grep '^lost' <<<"$output")" >&3
	[[ $output == *"standby.rejoin/node2"* ]]
	# A row that was reported as committed and is not there was committed on the old primary.
	[ "$(lost_here)" -ge "$(cat "$WORK/lost")" ]
	labctl -v rejoin node2 2>&1 | tee "$WORK/rejoin" >&3
	grep -q "rewound /data/pgsql" "$WORK/rejoin"
	labctl status
	[ "$(primaries)" = 1 ]
	[ "$(sql 2 'SELECT pg_is_in_recovery()')" = t ]
	for _ in $(seq 50); do
		there=$(sql 2 'SELECT n FROM kept WHERE writer = 0 ORDER BY n')
		[ "$there" != $'1\n2' ] || break
		sleep 0.2
	done
	echo "node2 has of writer 0: $there; node1: $(sql 1 'SELECT n FROM kept WHERE writer = 0')"
	[ "$there" = $'1\n2' ]
	run -0 --separate-stderr labctl --json bootstrap
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	labctl psql -r pgpool -- -XAtqc 'show pool_nodes' | awk -F'|' '$4 == "up"' | wc -l | grep -qx 3
}

@test "a primary that is dead on a machine that runs: what only it has is counted; what cannot be rewound is copied" {
	local n new
	new=$(leader)
	# Its standbys are down while it commits seven transactions.
	for n in 1 2 3; do [ "node$n" = "$new" ] || labctl exec "$n" -- systemctl stop labctl-postgres-standby; done
	for n in 1 2 3 4 5 6 7; do sql "$new" "INSERT INTO kept VALUES (-1, $n)"; done
	labctl exec "$new" -- 'systemctl kill -s KILL labctl-postgres-primary; systemctl stop labctl-postgres-primary'
	for n in 1 2 3; do [ "node$n" = "$new" ] || labctl exec "$n" -- systemctl start labctl-postgres-standby; done
	run -0 --separate-stderr labctl -n failover primary
	echo "# failover: $(grep '^lost' <<<"$output")" >&3
	[ "$(lost_here)" -ge 7 ]
	[[ $output == *"transactions that $new committed and node"*"has not received"* ]]
	labctl failover primary
	[ "$(primaries)" = 1 ]
	run -0 --separate-stderr labctl -n rejoin "$new"
	[ "$(lost_here)" -ge 7 ]
	[[ $output == *"that only $new has"* ]]
	# An interrupted pg_rewind leaves a directory that is of no use.
	labctl exec "$new" -- touch /data/pgsql.labctl-rewind
	labctl -v rejoin "$new" 2>&1 | tee "$WORK/rejoin"
	grep -q "the old data is in /data/pgsql.before-rejoin" "$WORK/rejoin"
	[ "$(sql "$new" 'SELECT count(*) FROM kept WHERE writer = -1')" = 0 ]
	labctl status
}

@test "destroy leaves the host as it was" {
	labctl destroy
	host_state after
	same_host before after
}
