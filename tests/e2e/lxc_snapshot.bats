# SPDX-License-Identifier: PostgreSQL
# Snapshots of a lab of three nodes with PostgreSQL: what was there comes back, what came later does not, a kill loses neither.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2016

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up snapshot
	export LABCTL_HYPERVISOR=lxc
	host_state before
	labctl create 3
	labctl bootstrap postgres
	labctl psql 1 -- -qc 'CREATE TABLE t (n serial, word text)' -c "INSERT INTO t (word) SELECT 'then' FROM generate_series(1, 100)"
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	LAB=$LABCTL_STATE/labs/lab
}

rows() { labctl psql "${1:-1}" -- -XAtc "SELECT count(*) FILTER (WHERE word = 'then'), count(*) FILTER (WHERE word = 'now') FROM t"; }
write_now() { labctl psql 1 -- -qc "INSERT INTO t (word) SELECT 'now' FROM generate_series(1, 50)" -c "DELETE FROM t WHERE n <= 10"; }
running() { inside virsh -q -c lxc:///system list --name | grep -c '^lab-'; }
# soon SECONDS COMMAND...: until it succeeds
soon() { local i; for ((i = 0; i < $1 * 2; i++)); do "${@:2}" && return; sleep 0.5; done; return 1; }

# What every restore must give: the rows of then on all servers, and replication by the slots of then goes on.
whole() {
	[ "$(rows)" = '100|0' ]
	[ "$(labctl psql 1 -- -XAtc "SELECT count(*) FROM pg_replication_slots WHERE active")" = 2 ]
	# a later number than any that the table has
	[ "$(labctl psql 1 -- -XAtc "INSERT INTO t (word) VALUES ('then') RETURNING n" | head -n 1)" -gt 100 ]
	soon 10 [ "$(rows 2)" = '101|0' ]
	soon 10 [ "$(rows 3)" = '101|0' ]
	labctl status
}

# kill_when FILE labctl's WORDS...: kills labctl when FILE, a pattern, is there; fails if labctl ends before
kill_when() {
	inside bash -c '"${@:2}" & pid=$!
		until compgen -G "$1" >/dev/null; do kill -0 $pid || exit 9; done
		kill -KILL $pid; wait $pid; [ $? = 137 ]' - "$1" "$LABCTL" "${@:2}"
}

@test "save: the lab goes on, and the snapshot is listed, shown and counted" {
	run -0 labctl snapshot save base
	[[ $output == *"the copy needs "*" MiB; "*" MiB are free"* || $output == *"will share its blocks"* ]]
	[ "$(rows)" = '100|0' ]
	labctl status
	run -0 labctl --json snapshot list
	[ "$(jq -r '.snapshots[] | "\(.snapshot) \(.state) \(.nodes) \(.kind)"' <<<"${output}")" = "base complete 3 postgres" ]
	run -0 labctl --json snapshot show base
	[ "$(jq '[.nodes[] | select(.data_bytes > 30000000 and .system_bytes > 1000000)] | length' <<<"$output")" = 3 ]
	run -0 labctl status
	[[ $output == *"snapshots: base"* ]]
	[ "$(labctl --json list | jq '.labs[0].snapshots')" = 1 ]
	run -0 labctl audit
	[[ $output == *" done "*" snapshot save base "* ]]
	[ "$(stat -c %a "$LAB/snapshots")" = 700 ]
	labctl create
	labctl --json snapshot list | jq -e '.snapshots[0].state == "complete"'
}

@test "restore: rows of then are there, rows of now are not; passwords and the primary are those of then; twice" {
	write_now
	old=$(cat "$LAB/secrets/postgres")
	labctl passwd
	[ "$(cat "$LAB/secrets/postgres")" != "$old" ]
	labctl switchover node2
	labctl snapshot restore base
	[ "$(cat "$LAB/secrets/postgres")" = "$old" ]
	whole
	write_now
	labctl stop --now
	labctl snapshot restore base
	whole
	[ ! -e "$LAB/nodes/node1/going" ]
	run -0 find "$LAB/data" -name '.labctl-going-*' -o -name '.labctl-coming-*'
	[ -z "$output" ]
}

@test "save is killed while it copies, and when it starts the lab: the same command ends it" {
	labctl snapshot restore base
	kill_when "$LAB/snapshots/.killed.new/data/node*" snapshot save killed
	run -4 labctl snapshot show killed
	run -0 labctl -n gc
	[[ $output == *lab* ]]
	labctl snapshot save killed
	whole
	run -5 labctl snapshot save killed
	labctl snapshot delete killed
	labctl snapshot restore base
	kill_when "$LAB/snapshots/killed" snapshot save killed
	[ "$(running)" -lt 3 ]
	labctl snapshot save killed
	whole
	[ ! -e "$LAB/saving" ]
	write_now
	labctl snapshot restore killed
	whole
	labctl snapshot delete killed
}

@test "restore is killed while it copies: nothing has happened; while nodes are replaced: only restore goes on" {
	write_now
	kill_when "$LAB/data/.labctl-coming-node*" snapshot restore base
	[ "$(running)" = 3 ]
	[[ $(rows) == *'|50' ]]
	kill_when "$LAB/restoring" snapshot restore base
	[ -e "$LAB/restoring" ]
	[ "$(running)" = 0 ]
	run -5 labctl start
	[[ $output == *"the restore of snapshot 'base' did not end"*"snapshot restore base"* ]]
	run -5 labctl create
	run -5 labctl snapshot delete base
	run -5 labctl destroy --keep-data
	run -30 labctl status
	[[ $output == *"a restore did not end"*"next: labctl -l lab snapshot restore base"* ]]
	run -5 labctl snapshot save other
	[[ $output == *"the restore of snapshot 'base' did not end"*"next: labctl -l lab snapshot restore base"* ]]
	labctl snapshot restore base
	whole
	[ ! -e "$LAB/restoring" ]
}

@test "refused, and nothing is done: names, faults, a node off, a protected lab, other nodes, too little space" {
	run -2 labctl snapshot save ../base
	run -2 labctl snapshot save .base
	run -5 labctl snapshot save base
	run -4 labctl snapshot restore bsae
	[[ $output == *"did you mean 'base'"* ]]
	labctl fault inject partition 3
	run -5 labctl snapshot save other
	[[ $output == *"has 1 fault in force: partition node3"*"fault heal --all"* ]]
	run -5 labctl snapshot restore base
	labctl fault heal --all
	run -0 labctl -n create --warm
	[[ $output == *"lab 'lab' does not start warm: node1 runs"* ]]
	labctl stop 3
	run -5 labctl snapshot save other
	[[ $output == *"node3 is not running"* ]]
	labctl start 3
	labctl protect
	run -5 labctl snapshot restore base
	labctl unprotect
	inside mount -t tmpfs -o size=4m none "$LAB/snapshots"
	run -6 labctl snapshot save other
	[[ $output == *"has too little space"* ]]
	run -0 inside ls -A "$LAB/snapshots"
	inside umount "$LAB/snapshots"
	[ -z "$output" ]
	labctl node add 1
	run -5 labctl snapshot restore base
	[[ $output == *"has other nodes than when snapshot 'base' was made: node1 node2 node3 node4, then node1 node2 node3"* ]]
	labctl node remove node4
	[ "$(running)" = 3 ]
	labctl snapshot restore base
	whole
}

@test "create --from: a second lab with addresses of its own and the same data, also if it was killed while it copied" {
	two=$LABCTL_STATE/labs/two
	run -2 labctl create --from lab@base
	run -4 labctl -l two create --from lab@bsae
	run -5 labctl -l lab create --from lab@base
	kill_when "$two/data/.labctl-coming-node*" -l two create --from lab@base
	run -5 labctl -l two create
	[[ $output == *"the copy of lab@base did not end"*"create --from lab@base"* ]]
	run -5 labctl -l two start
	labctl -l two create --from lab@base
	labctl -l two status
	[ "$(labctl -l two psql 3 -- -XAtc 'SELECT count(*) FROM t')" = 100 ]
	labctl -l two psql 1 -- -qc 'DROP TABLE t'
	[ "$(labctl -l lab psql 1 -- -XAtc 'SELECT count(*) FROM t')" -ge 100 ]
	# nothing but what servers and systems have written to their logs names an address of the first lab
	net=$(sed -n 's/^ *subnet: \([0-9]*\.[0-9]*\.[0-9]*\.\)0.*/\1/p' "$LAB/lab.yaml")
	[ -n "$net" ]
	run -1 grep -rlIF --exclude-dir=log --exclude-dir=journal "$net" "$two/nodes" "$two/data" "$two/inventory" "$two/lab.yaml"
	[ -z "$output" ]
	labctl -l two restart
	run -0 --separate-stderr labctl --json -l two create --from lab@base
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	labctl -l two destroy
	[ ! -e "$two" ]
	labctl status
}

@test "a damaged snapshot is found before anything is lost; half-made ones go with gc, all with destroy" {
	labctl snapshot save other
	touch "$LAB/snapshots/other/data/node2/pgsql/PG_VERSION"
	run -3 labctl snapshot restore other
	[[ $output == *"snapshot 'other' is damaged: the data of node2 is not what was saved; nothing was changed"* ]]
	[ "$(running)" = 3 ]
	labctl status
	mkdir "$LAB/snapshots/.left.new"
	labctl gc
	[ ! -e "$LAB/snapshots/.left.new" ]
	[ "$(ls "$LAB/snapshots")" = $'base\nother' ]
	labctl snapshot delete other
	[ "$(ls -A "$LAB/snapshots")" = base ]
	labctl destroy
	host_state after
	same_host before after
}
