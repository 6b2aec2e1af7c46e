# SPDX-License-Identifier: PostgreSQL
# bench compare: verdicts and exit status, differences, refusals. The runs are written here: nothing is measured.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
}

labctl() { "$LABCTL" "$@"; }

# make_run DIR STARTED FACTOR REPEATS [FILTER]: a run with two points; tpcb has FACTOR times 1000 tps. FILTER edits run.json.
make_run() {
	mkdir -p "$1"
	jq -n --argjson at "$2" '{format: "labctl-bench", version: 1, labctl: "0.1.0", lab: "bench3", kind: "postgres",
		started_ms: $at, seed: 7, repeats: 5, time_s: 60, shared_host: false,
		workloads: [{name: "tpcb", title: "TPC-B-like", shards: 0}, {name: "select", title: "select only", shards: 0}],
		points: [{name: "tpcb/primary/8", workload: "tpcb", target: "primary", clients: 8},
			{name: "select/primary/8", workload: "select", target: "primary", clients: 8}],
		spec: {scale: 10, protocol: "simple"},
		evidence: {host: {cpu: "Xeon", cores: "8"}, node1: {shared_buffers: "128MB"}, node2: {shared_buffers: "128MB"}},
		topology: {nodes: []}}' | jq "${5:-.}" >"$1/run.json"
	jq -nc --argjson at "$2" --argjson factor "$3" --argjson repeats "$4" '
		[1, 1.012, 0.991, 1.004, 0.996, 1.009, 0.988] as $noise |
		range(2 * $repeats) as $i | ($i % $repeats + 1) as $repeat |
		(if $i < $repeats then {name: "tpcb", factor: $factor} else {name: "select", factor: 9} end) as $load |
		(1000 * $load.factor * $noise[($repeat + $at) % 7]) as $tps |
		{point: ($load.name + "/primary/8"), repeat: $repeat, order: ($i + 1), started_ms: 0, warmup_s: 5, seconds: 60,
		 status: "ok", marks: [], transactions: 1, failed: 0, tps: $tps,
		 latency: {mean: (8e6 / $tps), stddev: 1, p50: 1, p95: 1, p99: (2e7 / $tps), p999: 1, max: 1},
		 client: {cpu: 0, cores: 1, lag_p99: 0}, series: {tps: [], latency: [], tracks: [], events: []},
		 counters: [], checks: []}' >"$1/measurements.jsonl"
}

@test "slower, faster, equivalent and undecided, with their exit statuses" {
	make_run a 1 1 7
	make_run slow 2 0.9 7
	make_run same 3 1.001 7
	make_run few 4 1.02 2
	run -50 --separate-stderr labctl bench compare a slow
	[[ $output == *"unpaired: weaker than"* ]]
	[[ $output == *"tpcb on primary, 8 clients: B is 0.9"*"x A (0."*"), slower"* ]]
	[[ $output == *"select on primary, 8 clients: B is "*", equivalent within 3 %"* ]]
	[ -z "$stderr" ]
	run -0 --separate-stderr labctl bench compare slow a
	[[ $output == *"tpcb on primary, 8 clients: B is 1.1"*", faster"* ]]
	run -0 --separate-stderr labctl bench compare a same
	run -51 --separate-stderr labctl bench compare a few
	[[ $output == *"tpcb on primary, 8 clients: "*", undecided: in 8 of 10 cases a difference of "*" repeats of each would be enough for 3 %"* ]]
}

@test "latency, and a wider margin" {
	make_run a 1 1 7
	make_run slow 2 0.9 7
	run -50 --separate-stderr labctl bench compare --metric p99 a slow
	[[ $output == *"the 99th percentile of latency of B is 1.1"*"x that of A"*", slower"* ]]
	run -0 --separate-stderr labctl bench compare --margin 20 a slow
	[[ $output == *"tpcb on primary, 8 clients: "*", equivalent within 20 %"* ]]
	run -2 --separate-stderr labctl bench compare --margin 0 a slow
	[[ $stderr == *"--margin: '0' is not a percentage above 0 and up to 50"* ]]
	run -2 --separate-stderr labctl bench compare --metric p9 a slow
	[[ $stderr == *"--metric: unknown metric 'p9'"* ]]
}

@test "everything that differs is listed, the same on several nodes once" {
	make_run a 1 1 5
	make_run b 2 1 5 '.labctl = "0.2.0" | .evidence.node1.shared_buffers = "1GB" | .evidence.node2.shared_buffers = "1GB"
		| .evidence.host.kernel = "6.1\u001b[2J" | .spec.protocol = "prepared"'
	run -0 --separate-stderr labctl bench compare a b
	[[ $output =~ run\ +labctl\ +0.1.0\ +0.2.0 ]]
	[[ $output =~ node1\ and\ 1\ more\ +shared_buffers\ +128MB\ +1GB ]]
	[[ $output =~ host\ +kernel\ +-\ +6.1 ]]
	[[ $output =~ spec\ +protocol\ +simple\ +prepared ]]
	[[ $output != *node2* ]]
	[[ $output != *$'\033'* ]]
}

@test "a comparison that would say nothing is refused without --force" {
	make_run a 1 1 5
	make_run b 2 1 5 '.evidence.host.cpu = "EPYC" | .spec.scale = 100 | .time_s = 10'
	run -5 --separate-stderr labctl bench compare a b
	[ -z "$output" ]
	[[ $stderr == *"comparing these runs would say nothing: "*"the hosts have different processors"* ]]
	[[ $stderr == *"the data have different sizes"* ]]
	[[ $stderr == *"the measurements have different lengths"* ]]
	[[ $stderr == *"host cpu: A Xeon, B EPYC"* ]]
	[[ $stderr == *"labctl bench compare --force a b"* ]]
	run -0 --separate-stderr labctl bench compare --force a b
	[[ $output == *"Without --force this comparison is refused: the data have different sizes."* ]]
	run -5 --separate-stderr labctl bench compare a a
	[[ $stderr == *"both are the same run"* ]]
}

@test "without a common point there is nothing to compare, with --force neither" {
	make_run a 1 1 5
	make_run b 2 1 5 '.points[].name |= "x" + .'
	sed -i 's/"point":"/&x/' b/measurements.jsonl
	run -5 --separate-stderr labctl bench compare --force a b
	[[ $stderr == *"the runs have no point in common"* ]]
	make_run c 2 1 5 'del(.points[1])'
	sed -i '/select/d' c/measurements.jsonl
	run -0 --separate-stderr labctl bench compare a c
	[[ $output == *"only in A: select/primary/8"* ]]
}

@test "--json" {
	make_run a 1 1 7
	make_run slow 2 0.9 7
	run -50 --separate-stderr labctl --json bench compare a slow
	[ "$(jq -r '.v, .a, .b, .comparison.verdict, .comparison.paired' <<<"$output" | paste -sd ' ')" = "1 a slow slower false" ]
	[ "$(jq -r '.comparison.points[] | [.point, .metric, .verdict, .count_a, (.low < .ratio and .ratio < .high), .exact] | @csv' <<<"$output")" = \
		'"tpcb/primary/8","tps","slower",7,true,true
"select/primary/8","tps","equivalent",7,true,true' ]
	run -5 --separate-stderr labctl --json bench compare a a
	[ "$(jq -r .error.code <<<"$output")" = CONFLICT ]
}

@test "directories that are no runs, and damaged ones" {
	make_run a 1 1 3
	run -4 --separate-stderr labctl bench compare a missing
	[[ $stderr == *missing* ]]
	make_run old 2 1 3 '.version = 99'
	run -3 --separate-stderr labctl bench compare a old
	[[ $stderr == *"version 99"* ]]
	run -2 --separate-stderr labctl bench compare a
}
