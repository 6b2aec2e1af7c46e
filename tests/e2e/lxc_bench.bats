# SPDX-License-Identifier: PostgreSQL
# Benchmarks of a small PostgreSQL lab: the plumbing, not the figures. Three containers, a few seconds per measurement.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up lxc
	export LABCTL_HYPERVISOR=lxc
	host_state before
	labctl create 3
	labctl bootstrap postgres
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	runs=$BATS_FILE_TMPDIR/runs
	mkdir -p "$runs"
	# Small and short: only whether it works is tested.
	small=(--scale 1 --time 3s --warmup 1s --seed 7)
}

# measured RUN [FILTER]: counts the measurements of a run.
measured() {
	jq -s "[.[] | select(${2:-true})] | length" "$runs/$1/measurements.jsonl"
}

# start_run RUN OPTIONS: measures in the background.
start_run() {
	local name=$1
	shift
	# shellcheck disable=SC2016
	inside bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$runs/$name.pid" "$LABCTL" bench run --workloads select-only "$@" \
		"${small[@]}" -o "$runs/$name" >"$runs/$name.log" 2>&1 &
	run_job=$!
}

wait_for_measurement() {
	for _ in $(seq 1500); do
		[ ! -s "$runs/$1/measurements.jsonl" ] || return 0
		sleep 0.2
	done
	cat "$runs/$1.log"
	return 1
}

# kill_run SIGNAL RUN: sends it to the labctl of that run, and waits for its end.
kill_run() {
	inside kill "-$1" "$(<"$runs/$2.pid")"
	wait "$run_job" || true
}

no_database_left() {
	[ "$(labctl psql -- -Atc "SELECT count(*) FROM pg_database WHERE datname = 'labctl_bench'")" = 0 ]
	[ ! -e "$LABCTL_STATE/labs/lab/bench" ]
}

@test "bench run -n shows the order and the time, and changes nothing" {
	run -0 --separate-stderr labctl -n bench run --workloads tpcb,select-only --clients 1,4 --repeats 2 "${small[@]}"
	[[ $output == "8 measurements, about "*"seed 7"* ]]
	[ "$(grep -c 'repeat' <<<"$output")" = 8 ]
	[ -z "$(ls "$runs")" ]
}

@test "two numbers of clients, two repeats: every measurement has its evidence" {
	run -0 labctl bench run --workloads tpcb,select-only --clients 1,4 --repeats 2 "${small[@]}" -o "$runs/first"
	[ "$(measured first '.status == "ok"')" = 8 ]
	# Each has transactions, exact percentiles, a series per second, CPU of all nodes, checked data and raw files.
	[ "$(measured first '.transactions > 0 and .latency.p99 >= .latency.p50 and (.series.tps | length) == .seconds and
		(.series.tracks | length) == 4 and ([.checks[] | select(.ok | not)] | length) == 0')" = 8 ]
	[ "$(measured first '.point | startswith("tpcb")')" = 4 ]
	[ "$(measured first '(.point | startswith("tpcb")) and (.checks | length) > 1')" = 4 ]
	[ "$(find "$runs/first/raw" -name transactions.log.gz | wc -l)" = 8 ]
	# The order is that of the seed, and each block has every point once.
	[ "$(jq -rs '[.[:4][].point] | unique | length' "$runs/first/measurements.jsonl")" = 4 ]
	jq -e '.evidence | .host.cpu and .host.kernel and .node1.kernel and .["node1 primary"].version' "$runs/first/run.json"
	no_database_left
}

@test "what pgbench printed and what labctl counted agree" {
	for raw in "$runs"/first/raw/*/; do
		printed=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$raw/out")
		[ "$(zcat "$raw/transactions.log.gz" | wc -l)" = "$printed" ]
	done
}

@test "a run that exists is not overwritten" {
	run -5 labctl bench run --workloads select-only --clients 1 "${small[@]}" -o "$runs/first"
	[[ $output == *"has a run already"*"--resume $runs/first"* ]]
}

@test "kill -9 loses at most the measurement that was running; --resume measures the rest" {
	start_run killed --clients 1,2 --repeats 4
	wait_for_measurement killed
	kill_run KILL killed
	[ "$(measured killed)" -lt 8 ]
	run -0 labctl bench run --resume "$runs/killed" --workloads select-only --clients 1,2 --repeats 4 "${small[@]}"
	[ "$(measured killed '.status == "ok"')" = 8 ]
	[ "$(jq -rs '[.[] | .point + " " + (.repeat | tostring)] | unique | length' "$runs/killed/measurements.jsonl")" = 8 ]
	run -5 labctl bench run --resume "$runs/killed" --workloads tpcb --clients 1,2 --repeats 4 "${small[@]}"
	[[ $output == *"another specification"*"next: labctl bench run --resume $runs/killed"* ]]
	no_database_left
}

@test "Ctrl-C keeps what was measured and removes the database" {
	start_run canceled --clients 1 --repeats 20
	wait_for_measurement canceled
	kill_run INT canceled
	grep -q 'interrupted' "$runs/canceled.log"
	grep -q -- '--resume .*canceled' "$runs/canceled.log"
	[ "$(measured canceled)" -lt 20 ]
	no_database_left
	run -1 inside pgrep -x pgbench
}

@test "a script that fails on its first transaction is a failed measurement with the server's words" {
	echo 'SELECT * FROM no_such_table;' >"$runs/bad.sql"
	cat >"$runs/bad.yaml" <<-'EOF'
		workloads:
		  - {name: bad, script: bad.sql}
		  - select-only
		clients: [1]
		repeats: 1
	EOF
	run -30 labctl bench run "$runs/bad.yaml" "${small[@]}" -o "$runs/bad"
	[[ $output == *"bad/primary/1, repeat 1: FAILED: pgbench exited with 2"*'relation "no_such_table" does not exist'* ]]
	[[ $output == *"1 measurements failed"* ]]
	[ "$(measured bad '.status == "failed"')" = 1 ]
	[ "$(measured bad '.status == "ok"')" = 1 ]
}

@test "more clients than sessions are refused before anything is loaded" {
	run -2 labctl bench run --workloads select-only --clients 500 "${small[@]}" -o "$runs/many"
	[[ $output == *"500 clients are too many: node1 accepts "*"sessions (max_connections)"* ]]
}

@test "a full disk on the host ends the run; with space, --resume measures it" {
	mkdir -p "$runs/full"
	inside mount -t tmpfs -o size=300k none "$runs/full"
	inside "$LABCTL" bench run --workloads select-only --clients 2 --repeats 1 "${small[@]}" -o "$runs/full/run" >"$runs/full.log" 2>&1 && false
	grep -q 'No space left on device' "$runs/full.log"
	grep -q "next: free some space, then labctl bench run --resume $runs/full/run " "$runs/full.log"
	no_database_left
	inside mount -o remount,size=30m "$runs/full"
	labctl bench run --workloads select-only --clients 2 --repeats 1 "${small[@]}" --resume "$runs/full/run"
	[ "$(inside jq -r .status "$runs/full/run/measurements.jsonl")" = ok ]
	inside umount "$runs/full"
}

@test "all standbys at once, and an open loop at a part of the capacity" {
	run -0 labctl bench run --workloads select-only --targets standbys --clients 2 --repeats 1 --rates 20% "${small[@]}" -o "$runs/open"
	[ "$(measured open '.status == "ok"')" = 2 ]
	[ "$(measured open '.rate_tps > 0 and .client.lag_p99 > 0')" = 1 ]
	# Both standbys had their part.
	[ "$(jq -rs '.[0].counters[] | select(.what == "standby pg_stat_database.xact_commit" and .value > 10) | .node' \
		"$runs/open/measurements.jsonl" | sort -u | wc -l)" = 2 ]
}

@test "bench ab refuses what pairs would ignore" {
	printf 'workloads: [select-only]\nclients: [1]\nrates: [50%%]\n' >"$runs/rates.yaml"
	run -2 labctl bench ab "$runs/rates.yaml" --b work_mem=8MB "${small[@]}" -o "$runs/refused"
	[[ $output == *"pairs are measured in a closed loop"* ]]
	[ ! -e "$runs/refused" ]
}

@test "the database is reset from a copy, which is removed at the end" {
	run -0 labctl bench run --workloads tpcb --clients 2 --repeats 2 --reset template "${small[@]}" -o "$runs/template"
	[ "$(measured template '.status == "ok"')" = 2 ]
	[ "$(labctl psql -- -Atc "SELECT count(*) FROM pg_database WHERE datname LIKE 'labctl_bench%'")" = 0 ]
}

@test "bench ab finds a setting that makes it slower" {
	run -50 labctl bench ab --b enable_indexscan=off,enable_bitmapscan=off --workloads select-only --clients 2 --repeats 6 \
		"${small[@]}" -o "$runs/ab"
	[[ $output == *"B: enable_indexscan=off,enable_bitmapscan=off"*"slower"* ]]
	[ "$(measured ab '.variant == "A"')" = 6 ]
	[ "$(measured ab '.variant == "B"')" = 6 ]
}

@test "a node that dies in the middle: its measurement has failed, and the run ends with what it has" {
	start_run dead --clients 1 --repeats 6
	wait_for_measurement dead
	inside virsh -q -c lxc:///system destroy lab-node1
	status=0
	wait "$run_job" || status=$?
	[ "$status" = 30 ]
	grep -q 'FAILED' "$runs/dead.log"
	[ "$(measured dead)" = 6 ]
	[ "$(measured dead '.status == "failed"')" -ge 1 ]
	labctl create 3
	labctl bootstrap
}

@test "bench scale measures labs of its own and removes them, also after Ctrl-C; --resume measures the rest" {
	scale=(bench scale --counts 1,2 --targets standbys --workloads select-only --clients 2 --repeats 2 "${small[@]}")
	run -0 --separate-stderr labctl -n "${scale[@]}"
	[[ ${lines[0]} == "standby-1: create lab 'lab-s1' of 2 nodes, "*" % of a core each, bootstrap postgres, 2 measurements"* ]]
	# shellcheck disable=SC2016
	inside bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$runs/scale.pid" "$LABCTL" "${scale[@]}" -o "$runs/scale" \
		>"$runs/scale.log" 2>&1 &
	run_job=$!
	wait_for_measurement scale/standby-1
	kill_run INT scale
	[ ! -e "$runs/scale/standby-2" ]
	[ "$(ls "$LABCTL_STATE/labs")" = lab ]
	run -0 labctl "${scale[@]}" --resume "$runs/scale"
	[ "$(measured scale/standby-1 '.status == "ok"')" = 2 ]
	[ "$(measured scale/standby-2 '.status == "ok"')" = 2 ]
	[ "$(jq -c .scale "$runs/scale/standby-2/run.json")" = '{"role":"standby","count":2}' ]
	grep -q 'Scale' "$runs/scale/report.html"
	[ "$(ls "$LABCTL_STATE/labs")" = lab ]
}

@test "destroy leaves nothing behind" {
	labctl -y destroy
	host_state after
	same_host before after
}
