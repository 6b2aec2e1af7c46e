# SPDX-License-Identifier: PostgreSQL
# Faults in a lab of three nodes with PostgreSQL: each is proven by what it does and by its end, one with labctl killed after it.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2016

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up faults
	export LABCTL_HYPERVISOR=lxc
	host_state before
	labctl create 3
	labctl bootstrap postgres
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

# reaches FROM TO: by ping, over the bridge
reaches() { labctl exec "$1" -- "ping -q -c 2 -i 0.2 -W 1 node$2"; }
faults() { labctl --json fault list | jq -r '.faults[] | "\(.id) \(.state)"'; }
# soon SECONDS COMMAND...: until it succeeds
soon() { local i; for ((i = 0; i < $1 * 2; i++)); do "${@:2}" && return; sleep 0.5; done; return 1; }
none() { [ -z "$(faults)" ]; }
streams() { [ "$(labctl psql 1 -- -XAtc 'SELECT count(*) FROM pg_stat_replication')" = "$1" ]; }

# A test that fails must not spoil the next one.
teardown() { [ ! -d "$LABCTL_STATE/labs/lab" ] || labctl fault heal --all; }

@test "partition: cut off from the others, not from labctl; the kernel ends it, also if labctl was killed" {
	inside bash -c '"$1" fault inject partition 2 --for 15s & pid=$!; for _ in $(seq 200); do nft list ruleset bridge | grep -q @f1 && break; sleep 0.02; done; kill -KILL $pid; wait' - "$LABCTL"
	[ "$(faults)" = "1 active" ]
	run ! reaches 1 2
	run ! reaches 2 3
	reaches 1 3
	labctl exec 2 -- true
	run labctl status
	[[ $output == *"fault 1: partition node2 | node1 node3, active"* ]]
	soon 20 reaches 1 2
	soon 5 none
}

@test "two at once: healing one leaves the other" {
	labctl fault inject partition 1 2 --one-way
	labctl fault inject loss 3 1 --amount 99
	[ "$(faults)" = $'1 active\n2 active' ]
	run ! reaches 1 2
	labctl fault heal 1
	[ "$(faults)" = "2 active" ]
	reaches 1 2
	run labctl exec 1 -- 'ping -q -c 20 -i 0.05 -W 1 node3'
	[[ $output =~ ([0-9.]+)%\ packet\ loss ]]
	[ "${BASH_REMATCH[1]%.*}" -ge 80 ]
	labctl fault heal --all
	reaches 1 3
	none
	run -0 inside nft list tables bridge
	[ -z "$output" ]
}

# pull: node2 gets 1.2 MB from node1; prints the seconds that it took, and the bytes
pull() {
	labctl exec 1 -- 'perl -MIO::Socket::INET -e "\$s = IO::Socket::INET->new(LocalPort => 9999, Listen => 1, ReuseAddr => 1) or die; exit if fork; close STDOUT; close STDERR; alarm 60; \$c = \$s->accept; print \$c \"x\" x 1200000"'
	labctl exec 2 -- 'perl -MIO::Socket::INET -MTime::HiRes=time -e "\$c = IO::Socket::INET->new(PeerAddr => \"node1:9999\", Timeout => 10) or die; \$t = time; alarm 60; while (sysread(\$c, \$x, 65536)) { \$n += length \$x } printf \"%d %d\n\", time - \$t, \$n"' | sed 's/^node2 *//'
}

@test "rate: what takes no time before takes three seconds at 200 kB/s, and is complete" {
	run -0 pull
	[ "${output#* }" = 1200000 ]
	[ "${output% *}" -lt 2 ]
	labctl fault inject rate 1 2 --amount 200
	run -0 pull
	[ "${output#* }" = 1200000 ]
	# a second's worth passes at once
	[ "${output% *}" -ge 3 ]
	labctl fault heal 1
}

@test "hang: the server's connections stay, nothing answers; after the heal it goes on" {
	labctl fault inject hang 3
	run -124 inside timeout 3 "$LABCTL" psql 3 -- -XAtc 'SELECT 1'
	labctl fault heal 1
	[ "$(labctl psql 3 -- -XAtc 'SELECT 1')" = 1 ]
	soon 20 streams 2
}

@test "pause: the machine stands still; a healer ends it in time" {
	labctl fault inject pause 3 --for 4s
	[ "$(inside virsh -q -c lxc:///system domstate lab-node3)" = paused ]
	soon 20 none
	[ "$(inside virsh -q -c lxc:///system domstate lab-node3)" = running ]
	run -0 labctl audit
	[[ $output == *" done "*" fault heal 1 "* ]]
}

@test "kill: the server's processes are gone and come back; no committed row is lost" {
	labctl psql 1 -- -qc 'CREATE TABLE kept (n int)' -c 'INSERT INTO kept SELECT generate_series(1, 100)'
	before=$(labctl psql 1 -- -XAtc 'SELECT pg_postmaster_start_time()')
	labctl fault inject kill 1
	run -0 soon 30 labctl psql 1 -- -XAtc 'SELECT count(*) FROM kept'
	[[ $output == *100 ]]
	[ "$(labctl psql 1 -- -XAtc 'SELECT pg_postmaster_start_time()')" != "$before" ]
	none
}

@test "power-off: the plug is pulled, healing starts the machine and its server" {
	labctl fault inject power-off 2
	[ "$(inside virsh -q -c lxc:///system domstate lab-node2)" = "shut off" ]
	labctl fault heal 1
	# the other standby may still be away from a primary that was killed before
	labctl wait --for db
	labctl status
	none
}

# the host's end of a container's cable: "up" or "down"
cable() { inside ip -o link show "$(inside virsh -q -c lxc:///system domiflist "lab-node$1" | awk '{ print $1 }')" | grep -q '[<,]UP[,>]' && echo up || echo down; }

@test "link-down: the cable is out, also if labctl was killed; two hold it; --for and heal put it back" {
	inside bash -c '"$1" fault inject link-down 2 & pid=$!; for _ in $(seq 400); do ip -o link show "$2" | grep -q "[<,]UP[,>]" || break; sleep 0.02; done; kill -KILL $pid; wait' - \
		"$LABCTL" "$(inside virsh -q -c lxc:///system domiflist lab-node2 | awk '{ print $1 }')"
	[ "$(faults) $(cable 2)" = "1 active down" ]
	run ! reaches 1 2
	run ! inside ping -q -c 1 -W 1 "$(labctl --json list | jq -r '.labs[0].subnet' | sed 's|0/24|12|')"
	reaches 1 3
	labctl fault inject link-down 2-3
	[ "$(cable 3)" = down ]
	labctl fault heal 2
	[ "$(cable 2) $(cable 3)" = "down up" ]
	labctl fault heal 1
	[ "$(cable 2)" = up ]
	reaches 1 2
	labctl fault inject link-down 3 --for 3s
	[ "$(cable 3)" = down ]
	soon 20 none
	[ "$(cable 3)" = up ]
	reaches 1 3
	soon 60 streams 2
}

quota() { inside virsh -q -c lxc:///system schedinfo "lab-node$1" | awk '$1 == "vcpu_quota" { print $3 }'; }

@test "cpu: a part of a core; the least counts, create leaves it alone, --for and heal end it" {
	before=$(quota 3)
	labctl fault inject cpu 2-3 --amount 50 --for 40s
	labctl fault inject cpu 3 --amount 10
	[ "$(quota 2) $(quota 3)" = "50000 10000" ]
	# a busy loop of two seconds by the clock
	took=$(labctl exec 3 -- 'bash -c "while [ \$SECONDS -lt 2 ]; do :; done; times" | head -n 1' | awk '{ sub(/m/, " ", $2); split($2, t, " "); print int(t[2] * 50) }')
	((took <= 25))
	labctl create 3
	[ "$(quota 3)" = 10000 ]
	labctl fault heal 2
	[ "$(quota 3)" = 50000 ]
	labctl stop --now 3
	run -5 labctl fault inject cpu 3 --amount 10
	[[ $output == *"node3 does not run"*"labctl -l lab start node3"* ]]
	labctl start 3
	[ "$(quota 3)" = 50000 ]
	soon 60 none
	[ "$(quota 2) $(quota 3)" = "$before $before" ]
}

@test "what a fault held was switched off, or is held by another one of its kind: healing goes on" {
	labctl fault inject hang 3
	labctl stop --now 3
	labctl fault inject partition 1
	labctl fault heal --all
	none
	labctl start 3
	soon 20 streams 2
	labctl fault inject pause 2-3
	labctl fault inject pause 3
	labctl fault heal 1
	[ "$(inside virsh -q -c lxc:///system domstate lab-node2)" = running ]
	[ "$(inside virsh -q -c lxc:///system domstate lab-node3)" = paused ]
	labctl fault heal 2
	[ "$(inside virsh -q -c lxc:///system domstate lab-node3)" = running ]
	none
}

@test "the host's rules are emptied: said; what makes no sense is refused, and nothing is recorded" {
	labctl fault inject partition 1
	inside nft delete table bridge "$(inside nft list tables bridge | sed 's/.* //')"
	[ "$(faults)" = "1 gone: the packet filter was emptied" ]
	labctl fault heal 1
	run -2 labctl fault inject partition all
	run -5 labctl fault inject disk-stall 1
	run -2 labctl fault inject kill 1 --for 3s
	run -2 labctl fault inject pertition 1
	[[ $output == *"did you mean 'partition'"* ]]
	run -4 labctl fault heal 7
	none
}

scenario() { printf '%s\n' "$@" >"$WORK/scenario.yaml"; }

@test "a scenario under load: steps at their times, nothing lost, the outage measured" {
	scenario 'kind: postgres' 'rate: 50' 'steps:' '- {at: 4s, inject: kill 1}' '- {wait: db}' \
		'- {at: 12s, inject: hang 1 -r primary --for 1h}' '- {at: 16s, heal: --all}' \
		'- {sql: "SELECT count(*) > 100 FROM labctl_rows", expect: t}' '- {command: fault heal 7, status: 4}'
	run -0 --separate-stderr labctl --json fault run "$WORK/scenario.yaml" -o "$WORK/scenario.json"
	jq . <<<"$output" | cmp - <(jq . "$WORK/scenario.json")
	jq -e '.ok and (.steps | length == 6 and all(.ok))' <<<"$output"
	jq -e '.steps | .[0].from_s >= 4 and .[0].from_s < 6 and .[2].from_s >= 12 and .[3].from_s >= 16' <<<"$output"
	# What a server that was killed or hung has not answered is in doubt; while it hung, nobody committed.
	jq -e '.load | .rows.committed > 200 and .rows.lost == 0 and .rows.torn == 0 and .rows.doubtful > 0 and .outage.gap_s > 2 and .outage.error_s >= 0' \
		<<<"$output"
	jq -e '(.load.rows.committed + .load.rows.failed + .load.rows.doubtful + .load.rows.refused) == ([.load.seconds[] | .committed + .others] | add)' <<<"$output"
	none
	[ "$(labctl psql -- -XAtc "SELECT count(*) FROM pg_class WHERE relname = 'labctl_rows'")" = 0 ]
}

@test "a scenario that fails, is interrupted, or does not fit: all is healed, and the rows are counted" {
	scenario 'rate: 20' 'steps:' '- {inject: pause 3}' '- {sql: "SELECT 1", expect: 2}' '- {inject: pause 2}'
	run -30 labctl fault run "$WORK/scenario.yaml"
	[[ $output == *"step 2"*"SELECT 1"*"printed '1', and '2' was expected"* && $output == *" 0 lost"* && $output != *"pause 2"* ]]
	none
	# rows that somebody deletes are missed
	scenario 'rate: 20' 'steps:' '- {sql: "DELETE FROM labctl_rows WHERE id < 10"}'
	run -30 labctl fault run "$WORK/scenario.yaml"
	[[ $output == *"5 lost"*"5 committed transactions are lost (0 may be)"* ]]
	scenario 'writers: 0' 'steps:' '- {inject: partition 2}' '- {at: 1h, wait: db}'
	# not to the group as well: a second one would end labctl at once
	run -130 inside timeout --foreground --preserve-status -s INT 4 "$LABCTL" fault run "$WORK/scenario.yaml"
	none
	scenario 'rate: 20' 'steps:' '- {at: 1h, wait: db}'
	begun=$SECONDS
	inside timeout --foreground --preserve-status -s INT 6 "$LABCTL" fault run "$WORK/scenario.yaml" >"$WORK/first" 2>&1 &
	first=$!
	sleep 3
	run -5 labctl fault run "$WORK/scenario.yaml"
	[[ $output == *"scenario is held by process "*"(fault run)"* ]]
	ended=0
	wait "$first" || ended=$?
	[ "$ended" = 130 ]
	grep " 0 lost" "$WORK/first"
	((SECONDS - begun < 60))
	[ "$(labctl psql -- -XAtc "SELECT count(*) FROM pg_class WHERE relname = 'labctl_rows'")" = 0 ]
	run -1 labctl fault run "$WORK/scenario.yaml" -o /nowhere/out.json
	labctl fault inject partition 2
	run -5 labctl fault run "$WORK/scenario.yaml"
	[[ $output == *"has 1 fault already"*"fault heal --all"* ]]
	labctl fault heal --all
	scenario 'kind: citus' 'steps:' '- {wait: db}'
	run -5 labctl fault run "$WORK/scenario.yaml"
	[[ $output == *"is for a cluster of kind citus"* ]]
	scenario 'steps:' '- {wait: db}' '- {command: fault heel}'
	run -2 labctl fault run "$WORK/scenario.yaml"
	[[ $output == *"step 2 (fault heel)"*"heal"* ]]
	scenario 'steps:' '- {command: fault run x.yaml}'
	run -2 labctl fault run "$WORK/scenario.yaml"
	scenario 'steps:' '- {inject: pertition 1}' '- {at: x, wait: db}'
	run -3 labctl fault run "$WORK/scenario.yaml"
	[[ $output == *"scenario.yaml:2: steps[1].inject: unknown fault"*"scenario.yaml:3: steps[2].at"* ]]
	none
}

@test "a measured load under a scenario: its steps are on the time axis, errors are counted, nothing is left" {
	printf 'workloads: tpcb\nclients: 4\nscale: 1\ntime: 4s\n' >"$WORK/load.yaml"
	scenario 'kind: postgres' 'rate: 50' 'steps:' '- {at: 4s, inject: kill 1}' '- {wait: db}' '- {at: 9s, inject: partition 3 --for 2s}' \
		'- {at: 12s, wait: db}'
	labctl fault run "$WORK/scenario.yaml" --bench "$WORK/load.yaml" --bench-out "$WORK/run"
	jq -e '.scenario and .repeats == 1 and (.points | length == 1)' "$WORK/run/run.json"
	jq -e '.status == "ok" and (.series.tps | length >= 14) and (.series.tps | add) == .transactions' "$WORK/run/measurements.jsonl"
	[ "$(jq -r '.series.events[] | select(.fault) | .what' "$WORK/run/measurements.jsonl" | sort)" = $'inject kill 1\ninject partition 3 --for 2s\nthe time of partition 3 --for 2s is over\nwait db\nwait db' ]
	# The server that was killed answered nobody: each client lost a transaction, and then came back.
	jq -e '.outages[0] | .of == "tpcb/primary/4" and .rows.committed > 200 and .rows.failed + .rows.doubtful >= 4 and .outage.before_tps > 0' \
		"$WORK/run/measurements.jsonl"
	jq -e '.outages[1] | .of == "numbered rows" and .rows.committed > 200 and .rows.lost == 0 and .outage.error_s >= 0' "$WORK/run/measurements.jsonl"
	# work is done in the last seconds
	jq -e '.series.tps[-3:] | add > 0' "$WORK/run/measurements.jsonl"
	labctl bench report "$WORK/run" -o "$WORK/report.html"
	grep -q 'class="event fault"' "$WORK/report.html"
	grep -q '>Outage<' "$WORK/report.html"
	[ "$(labctl psql -- -XAtc "SELECT count(*) FROM pg_database WHERE datname = 'labctl_scenario'")" = 0 ]
	[ ! -e "$LABCTL_STATE/labs/lab/scenario.load" ]

	scenario 'rate: 20' 'steps:' '- {sql: "SELECT 1", expect: 2}'
	run -30 labctl fault run "$WORK/scenario.yaml" --bench "$WORK/load.yaml" --bench-out "$WORK/bad"
	[[ $output == *"step 1"*"'2' was expected"* ]]
	jq -e '.status == "failed" and (.reason | contains("was expected"))' "$WORK/bad/measurements.jsonl"
	scenario 'steps:' '- {inject: partition 2}' '- {at: 1h, wait: db}'
	labctl fault run "$WORK/scenario.yaml" --bench "$WORK/load.yaml" --bench-out "$WORK/int" >"$WORK/first" 2>&1 &
	first=$!
	soon 60 grep -q 'inject partition' "$WORK/first"
	inside bash -c 'kill -INT "$(grep -om1 "[0-9]*" "$1")"' - "$LABCTL_STATE/labs/lab/scenario"
	ended=0
	wait "$first" || ended=$?
	[ "$ended" = 130 ]
	grep " 0 lost" "$WORK/first"
	none
	[ "$(labctl psql -- -XAtc "SELECT count(*) FROM pg_database WHERE datname = 'labctl_scenario'")" = 0 ]

	# The clients of a labctl that was killed end by themselves, and the next run removes what is left.
	scenario 'steps:' '- {inject: partition 2 --for 1h}' '- {at: 1h, wait: db}'
	labctl fault run "$WORK/scenario.yaml" --bench "$WORK/load.yaml" --bench-out "$WORK/dead" >"$WORK/first" 2>&1 &
	first=$!
	soon 60 grep -q 'inject partition' "$WORK/first"
	inside pgrep -x pgbench >/dev/null
	inside bash -c 'kill -KILL "$(grep -om1 "[0-9]*" "$1")"' - "$LABCTL_STATE/labs/lab/scenario"
	wait "$first" || true
	no_clients() { ! inside pgrep -x pgbench; }
	soon 20 no_clients
	labctl fault heal --all
	scenario 'steps:' '- {wait: db}'
	labctl fault run "$WORK/scenario.yaml" --bench "$WORK/load.yaml" --bench-out "$WORK/again"
	[ "$(labctl psql -- -XAtc "SELECT count(*) FROM pg_database WHERE datname = 'labctl_scenario'")" = 0 ]

	run -5 labctl fault run "$WORK/scenario.yaml" --bench "$WORK/load.yaml" --bench-out "$WORK/run"
	[[ $output == *"has a run already"* ]]
	run -2 labctl fault run "$WORK/scenario.yaml" --bench-out "$WORK/x"
	printf 'workloads: tpcb\nclients: [1, 2]\n' >"$WORK/two.yaml"
	run -2 labctl fault run "$WORK/scenario.yaml" --bench "$WORK/two.yaml"
	[[ $output == *"one workload, one target, one number of clients"* ]]
	printf 'workloads: sysbench-point-select\nclients: 1\n' >"$WORK/sys.yaml"
	run -2 labctl fault run "$WORK/scenario.yaml" --bench "$WORK/sys.yaml"
	[[ $output == *"cannot go on after an error"* ]]
	none
}

@test "destroy with faults in force leaves the host as it was, no healer either" {
	labctl fault inject partition 1 --host
	labctl fault inject pause 3 --for 1h
	labctl destroy
	sleep 2
	host_state after
	same_host before after
}
