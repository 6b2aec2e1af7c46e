# SPDX-License-Identifier: PostgreSQL
# `labctl logs`: arguments; tuning/logs.sh, which reads the logs of a node, on files of this host.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir -p "$LABCTL_STATE/labs/one" log
	printf '%s\n' 'lab: one' 'nodes: 2' 'hypervisor: lxc' 'network: {subnet: 10.88.7.0/24}' 'cluster: {kind: postgres}' >"$LABCTL_STATE/labs/one/lab.yaml"
}

labctl() { "$LABCTL" "$@"; }

# script ASSIGNMENTS: what labctl sends to a node with the servers `primary` and `datanode`.
script() {
	printf '%s\n' "since=0 follow= limit=0 journal= $1" 'names=(primary datanode)' \
		"files_of() { case \$1 in 0) files=($PWD/log/pg.log) ;; 1) files=($PWD/log/*.csv) ;; esac; }"
	cat "$SOURCE_DIR/tuning/logs.sh"
}

read_logs() { script "${1-}" | TZ=UTC bash --norc --noprofile -s; }

# soon COMMAND...: repeats it until it succeeds, for ten seconds at most.
soon() {
	local n
	for ((n = 0; n < 100; n++)); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}

@test "bad times, roles and nodes are refused before anything else" {
	run -2 labctl -l one logs --since yesterday
	[[ $output == *"--since: 'yesterday' is not a time"*"next: --since 10m"* ]]
	run -2 labctl -l one logs -r primry
	[[ $output == *"did you mean primary?"* ]]
	run -4 labctl -l one logs -r pgpool
	run -4 labctl -l one logs 1-9
	run -4 labctl -l two logs
	run -2 labctl -l one logs --follow=yes
	# before the command -f is the lab file, after it the command's own option
	run -4 labctl -f nowhere.yaml logs
	[[ $output == *nowhere.yaml* ]]
	run -2 labctl -l one logs -f --since yesterday
	[[ $output == *"--since: 'yesterday'"* ]]
}

@test "the console of a machine is shown, also if the node does not answer; nodes that do not are named, exit status 12" {
	mkdir -p "$LABCTL_STATE/labs/emu/nodes/node1"
	printf '%s\n' 'lab: emu' 'nodes: 2' 'hypervisor: qemu' 'network: {subnet: 10.88.8.0/24}' >"$LABCTL_STATE/labs/emu/lab.yaml"
	printf 'booting\r\n\r\nlogin: ' >"$LABCTL_STATE/labs/emu/nodes/node1/console.log"
	run -12 --separate-stderr labctl --connect test:///default -l emu logs
	[ "$output" = $'node1  console  booting\nnode1  console  login: ' ]
	[[ $stderr == *"node1: is missing"* && $stderr == *"node2: is missing"* && $stderr == *"logs of 2 nodes are missing, see above"* ]]
	run -12 --separate-stderr labctl --connect test:///default -l emu --json logs
	[ "$(jq -r '.node + " " + .source + " " + .text' <<<"$output")" = $'node1 console booting\nnode1 console login: ' ]
	# it wrote nothing since then
	touch -d '1 hour ago' "$LABCTL_STATE/labs/emu/nodes/node1/console.log"
	run -12 --separate-stderr labctl --connect test:///default -l emu logs --since 10m
	[ -z "$output" ]
	# all streams fail: the first reason
	run -10 labctl --connect test:///default -l emu logs 2
	[[ $output == *"node2: is missing"* ]]
}

@test "lines are merged by time; those without a time follow the line before" {
	printf '%s\n' '2026-11-29 10:00:00.100 UTC [7] LOG:  first' $'\tdetail' '2026-11-29 10:00:03.000 UTC [7] LOG:  last' >log/pg.log
	printf '%s\n' '2026-11-29 10:00:01 UTC,"postgres","' 'a second line",' '2026-11-29 10:00:00.500 UTC,"a clock went back' >log/b.csv
	printf '%s\n' '2026-11-29 09:59:59.999 UTC,"older file"' >log/a.csv
	run -0 read_logs
	[ "$output" = "$(printf '%s\t%s\t%s\n' \
		'2026-11-29 09:59:59.999' datanode '2026-11-29 09:59:59.999 UTC,"older file"' \
		'2026-11-29 10:00:00.100' primary '2026-11-29 10:00:00.100 UTC [7] LOG:  first' \
		'2026-11-29 10:00:00.100' primary $'\tdetail' \
		'2026-11-29 10:00:01.000' datanode '2026-11-29 10:00:01 UTC,"postgres","' \
		'2026-11-29 10:00:01.000' datanode 'a second line",' \
		'2026-11-29 10:00:01.000' datanode '2026-11-29 10:00:00.500 UTC,"a clock went back' \
		'2026-11-29 10:00:03.000' primary '2026-11-29 10:00:03.000 UTC [7] LOG:  last')" ]
	run -0 read_logs "since=$(date -u -d '2026-11-29 10:00:01' +%s)"
	[ "${#lines[@]}" = 4 ]
	run -0 read_logs limit=100
	[ "${#output}" -lt 101 ]
	[[ $output == *"LOG:  last" ]]
}

@test "logs of a GTM, of pgpool and of an old system have their times elsewhere, with less in them" {
	printf '%s\n' '1:139872:2026-11-29 10:00:02.250 UTC -LOG:  gtm' 'LOCATION:  f, main.c:1' \
		'2026-11-29 10:00:02.5: main pid 3: LOG:  pgpool' >log/pg.log
	printf '%s\n' 'Jan  2 03:04:05 node1 kernel: this year or last' >log/a.csv
	run -0 read_logs
	grep -qF $'2026-11-29 10:00:02.250\tprimary\tLOCATION:  f, main.c:1' <<<"$output"
	grep -qF $'2026-11-29 10:00:02.500\tprimary\t' <<<"$output"
	grep -qE $'^20[0-9][0-9]-01-02 03:04:05.000\tdatanode\tJan  2' <<<"$output"
}

@test "following: what is new, also in a new file; a line that is being written is whole; it ends with its reader" {
	printf '%s\n' '2026-11-29 10:00:00.100 UTC [7] LOG:  old' >log/pg.log
	script "follow=yes" >script
	TZ=UTC bash --norc --noprofile -s <script >out 3>&- &
	follower=$!
	soon grep -q '^\. ' out
	grep -q 'LOG:  old' out
	printf '2026-11-29 10:00:01.100 UTC [7] LOG:  ha' >>log/pg.log
	printf '%s\n' '2026-11-29 10:00:02.100 UTC,"a new file"' >log/b.csv
	soon grep -q 'a new file' out
	sleep 0.2
	printf 'lf and half\n' >>log/pg.log
	soon grep -q 'LOG:  half and half$' out
	[ "$(grep -c 'LOG:  old' out)" = 1 ]
	# a new file of the same name
	printf '%s\n' '2026-11-29 10:00:03.1 LOG:  new' >log/pg.log
	soon grep -q 'LOG:  new$' out
	kill "$follower"
	wait "$follower" || true
	# the reader has gone: so it ends, too
	run -0 timeout 20 bash -c 'bash --norc --noprofile -s <script | head -n 1'
	[[ $output == *"a new file"* ]]
}
