# SPDX-License-Identifier: PostgreSQL
# Looks at a lab of two nodes with a database: logs, console, past commands, the archive of a bug report, status.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up observe
	export LABCTL_HYPERVISOR=lxc
	host_state before
	labctl create 2
	labctl bootstrap postgres
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

@test "logs: servers and journals of all nodes in the order of time, without passwords" {
	labctl psql 1 -- -qc 'CREATE TABLE seen (n int)' -c "DO \$\$ BEGIN RAISE WARNING 'first'; RAISE WARNING E'one\ntwo'; END \$\$"
	labctl --json logs >"$WORK/logs"
	jq -r .time "$WORK/logs" | LC_ALL=C sort -c
	jq -e -s 'map(.node + " " + .source) | unique | contains(["node1 journal", "node1 primary", "node2 journal", "node2 standby"])' "$WORK/logs"
	# a line without a time has that of the one before
	[ "$(jq -r 'select(.text | test("^\ttwo")) | .time' "$WORK/logs")" = "$(jq -r 'select(.text | test("WARNING:  one$")) | .time' "$WORK/logs")" ]
	run -0 --separate-stderr labctl logs -r primary --since 1h
	[[ $output == *"CREATE TABLE seen"* ]]
	run ! grep -vE '^node1  primary  ' <<<"$output"
	run -0 --separate-stderr labctl logs 2 --since "$(date -u -d '+1 minute' '+%Y-%m-%d %H:%M:%S')"
	[ -z "$output" ]
	run ! grep -qF "$(<"$LABCTL_STATE/labs/lab/secrets/replication")" "$WORK/logs"
}

@test "logs -f: what is new appears, of the journal too; it ends cleanly, also on the nodes" {
	cat >"$WORK/follow" <<-'END'
		"$LABCTL" logs -f >"$WORK/out" &
		pid=$!
		soon() { for _ in $(seq 200); do "$@" && return; sleep 0.1; done; return 1; }
		sleep 2
		"$LABCTL" psql 1 -- -Xc 'SELECT now_or_never' 2>/dev/null
		"$LABCTL" exec 2 -- 'logger -t observe new line of the journal'
		soon grep -q 'now_or_never' "$WORK/out" && soon grep -q 'observe.*new line of the journal' "$WORK/out" || exit 1
		kill -TERM "$pid"
		wait "$pid"
		echo "status $?"
	END
	run -0 inside bash "$WORK/follow"
	[ "${lines[-1]}" = "status 130" ]
	grep -qE '^node1  primary  .*now_or_never' "$WORK/out"
	grep -qE '^node2  journal  .*new line of the journal' "$WORK/out"
	# the scripts notice within seconds that nobody listens
	sleep 3
	run -0 labctl exec -- 'ls -d /tmp/labctl-logs.* 2>/dev/null | wc -l; pgrep -c journalctl; true'
	[ "$(awk '{ n += $2 } END { print n }' <<<"$output")" = 0 ]
}

@test "console: keys go to the node, Ctrl-] leaves it, the terminal is as before" {
	cat >"$WORK/console" <<-'END'
		( sleep 2; printf '\r'; sleep 2; printf '\r'; sleep 1; printf 'x\035' ) |
			script -qefc 'stty -g >"$WORK/before.tty"; "$LABCTL" console node1; echo "status $?"; stty -g >"$WORK/after.tty"' /dev/null
	END
	run -0 inside bash "$WORK/console"
	[[ $output == *"console of node1; Ctrl-] leaves it"*"left the console of node1"*"status 0"* ]]
	cmp "$WORK/before.tty" "$WORK/after.tty"
	run -2 labctl console node1 </dev/null
}

@test "audit: what was done, and how it ended" {
	labctl stop -r standby
	labctl start
	run -0 --separate-stderr labctl --json audit
	[ "$(jq -r '.runs | map(.command + ": " + .outcome + " " + (.exit_status | tostring)) | join(", ")' <<<"$output")" = \
		"create: done 0, bootstrap: done 0, stop -r standby: done 0, start: done 0" ]
	jq -e '.runs | all(.took_s > 0 and .done_count > 0)' <<<"$output"
}

@test "status: lag of the standby, size of the data; top: processor, memory and network of the nodes" {
	run -0 --separate-stderr labctl --json status
	jq -e '.nodes[0].services[0].data_bytes > 1000000 and .nodes[1].services[0].data_bytes > 1000000' <<<"$output"
	jq -e '.nodes[1].services[0].lag_bytes >= 0 and (.nodes[0].services[0] | has("lag_bytes") | not)' <<<"$output"
	run -0 --separate-stderr labctl status
	[[ ${lines[0]} == *" LAG "*" DATA "* && ${lines[2]} == *" MB "* ]]
	run -0 --separate-stderr labctl --json top
	jq -e '.nodes | length == 2 and all(.running and .memory_bytes > 1000000 and .cpu_percent >= 0 and .received_bytes_s >= 0)' <<<"$output"
}

@test "a node that is off is named, the others go on; the next audit has what failed" {
	labctl stop --now 2
	run -12 --separate-stderr labctl logs
	[[ $stderr == *"node2: is shut off"*"logs of 1 node are missing"* ]]
	grep -q '^node1  primary  ' <<<"$output"
}

@test "collect: everything for a bug report, no secret in it, a node that is off is named" {
	run -0 --separate-stderr labctl collect "$WORK/report.tar.gz"
	[[ $stderr == *"nodes/node2: is shut off"* ]]
	mkdir "$WORK/report"
	tar xzf "$WORK/report.tar.gz" --strip-components 1 -C "$WORK/report"
	for file in README lab.yaml journal.jsonl record.txt plans/create.txt plans/bootstrap.txt versions.json config.json doctor.json \
		audit.json status.json libvirt/lab-node1.xml libvirt/lab-node2.xml nodes/node1/system.txt nodes/node1/logs.txt \
		nodes/node1/settings-primary.tsv rendered/manifest.json; do
		[ -s "$WORK/report/$file" ] || { echo "no $file"; false; }
	done
	grep -q 'CREATE TABLE seen' "$WORK/report/nodes/node1/logs.txt"
	grep -q $'^shared_buffers\t' "$WORK/report/nodes/node1/settings-primary.tsv"
	grep -q '^\$ uname -a' "$WORK/report/nodes/node1/system.txt"
	# every password, and every line of every private key
	cat "$LABCTL_STATE"/labs/lab/secrets/* >"$WORK/secret"
	for key in "$LABCTL_STATE"/labs/lab/id_ed25519 "$LABCTL_STATE"/labs/lab/nodes/*/host_key; do
		sed '/-----/d' "$key" >>"$WORK/secret"
	done
	sed -i '/./!d' "$WORK/secret"
	[ "$(wc -l <"$WORK/secret")" -gt 12 ]
	run ! grep -rlFf "$WORK/secret" "$WORK/report"
	labctl start
	labctl wait --for tuned
	labctl exec 2 -- rm /var/lib/labctl/tuned
	run -11 labctl --timeout 8 wait --for tuned
	echo "$output"
	[[ $output == *"1 of 2 nodes is not tuned"*"node2: is not tuned yet"*"next: labctl -l lab create"* ]]
	labctl create
	labctl wait --for tuned
}

@test "protect; gc removes a lab whose record was deleted, and destroy leaves the host as it was" {
	labctl -l lab protect
	run -5 labctl -l lab destroy
	labctl -l lab unprotect
	labctl -l left create 1
	rm "$LABCTL_STATE/labs/left/lab.yaml"
	run -0 --separate-stderr labctl --json -n gc
	[ "$(jq -c '[.labs[] | [.lab, .domains, .networks, .directory]]' <<<"$output")" = '[["left",1,1,true]]' ]
	labctl gc
	run -0 --separate-stderr labctl --json -n gc
	[ "$(jq '.labs | length' <<<"$output")" = 0 ]
	labctl status
	LABCTL_STATE=$WORK/other run -0 --separate-stderr labctl --json list --all
	[ "$(jq -r '.labs[] | .lab + " " + .state' <<<"$output")" = "lab $LABCTL_STATE" ]
	labctl destroy
	host_state after
	same_host before after
}
