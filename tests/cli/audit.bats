# SPDX-License-Identifier: PostgreSQL
# `labctl audit`: past commands of a lab from its journal.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache TZ=UTC
	lab=$LABCTL_STATE/labs/one
	mkdir -p "$lab"
	printf '%s\n' 'lab: one' 'nodes: 2' 'hypervisor: lxc' 'network: {subnet: 10.88.7.0/24}' >"$lab/lab.yaml"
}

labctl() { "$LABCTL" "$@"; }

# record SECOND RUN EVENT [MEMBER...]: a line of the journal, SECOND of 2026-11-29 14:00.
record() {
	local IFS=,
	printf '{"v":1,"t_ms":%d,"run":"%s","event":"%s"%s}\n' "$(((1795960800 + $1) * 1000))" "$2" "$3" "${4+,${*:4}}" >>"$lab/journal.jsonl"
}

@test "what is no time is refused; a lab without a journal has no past" {
	run -2 labctl -l one audit --since never
	[[ $output == *"--since: 'never' is not a time"* ]]
	run -4 labctl -l two audit
	run -0 labctl -l one audit
	[[ $output == *"no command has changed lab 'one'"* ]]
}

@test "outcomes: done, in part, failed with the reason, canceled, killed, of an older version" {
	record 0 a run '"command":"create","pid":1'
	record 30 a finished '"step":"node.start/node1"' '"state":"done"' '"took_ms":9'
	record 31 a end '"failed":0' '"status":0'
	record 100 b run '"command":"stop node2","pid":1'
	record 101 b finished '"step":"node.shutdown/node2"' '"state":"timeout"' '"fail":{"code":"TIMEOUT","text":"node2 does not shut down"}'
	record 110 b end '"failed":1' '"status":12'
	record 200 c run '"command":"bootstrap","pid":1'
	record 201 c end '"failed":1' '"status":20'
	record 300 d run '"command":"start","pid":1'
	record 301 d end '"failed":0' '"status":130'
	record 400 e run '"command":"create","pid":1'
	record 401 e end '"failed":0'
	record 500 f run '"command":"destroy","pid":999999999'
	record 502 f finished '"step":"x"' '"state":"done"'
	run -0 --separate-stderr labctl -l one --json audit
	[ "$(jq -c '[.runs[] | [.outcome, .exit_status, (.took_s | round)]]' <<<"$output")" = \
		'[["done",0,31],["in part",12,10],["failed",20,1],["canceled",130,1],["done",null,1],["killed",null,2]]' ]
	[ "$(jq -r '.runs[1] | .start + " " + .command + ": " + .why' <<<"$output")" = \
		'2026-11-29 14:01:40 stop node2: node.shutdown/node2: node2 does not shut down' ]
	run -0 --separate-stderr labctl -l one audit --since '2026-11-29 14:05'
	[ "${#lines[@]}" = 4 ]
	[[ ${lines[1]} == "2026-11-29 14:05:00    1.0    130 canceled start "* ]]
}

@test "a command that still runs is running, not killed" {
	record 0 a run "\"command\":\"create\",\"pid\":$BASHPID"
	: >"$lab/lock"
	flock -F "$lab/lock" sleep 20 3>&- &
	holder=$!
	for _ in $(seq 100); do
		outcome=$("$LABCTL" -l one --json audit | jq -r '.runs[0].outcome')
		[ "$outcome" = killed ] || break
		sleep 0.05
	done
	[ "$outcome" = running ]
	kill "$holder"
	wait "$holder" || true
	run -0 --separate-stderr labctl -l one --json audit
	[ "$(jq -r '.runs[0].outcome' <<<"$output")" = killed ]
}
