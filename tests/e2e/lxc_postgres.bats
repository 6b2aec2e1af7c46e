# SPDX-License-Identifier: PostgreSQL
# Eight containers, a PostgreSQL primary with seven standbys, a second lab, a crash, and a clean host after destroy.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up lxc
	export LABCTL_HYPERVISOR=lxc
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

@test "create 8 boots and tunes eight nodes" {
	labctl --timings create 8
	run -0 --separate-stderr labctl --json status
	[ "$(jq '[.nodes[] | select(.state == "running")] | length' <<<"$output")" = 8 ]
}

@test "a second create changes nothing" {
	run -0 --separate-stderr labctl --json create 8
	jq -r '.steps[] | select(.state == "done" or .state == "failed") | .id + ": " + .state + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "nodes resolve each other's names, and are tuned" {
	labctl exec -- 'getent hosts node1 node8 >/dev/null && test "$(cat /proc/sys/net/ipv4/tcp_max_syn_backlog)" = 4096'
	run -3 labctl exec 2 -- 'exit 3'
	run -7 labctl ssh node1 -- 'exit 7'
}

@test "another lab with the same name is refused" {
	run -5 labctl create 3
	[[ $output == *"exists with other settings: nodes has 8, wanted 3"* ]]
}

@test "bootstrap postgres ends healthy; again, and create again, change nothing" {
	labctl --timings bootstrap postgres
	ran postgres "$(labctl psql node1 -- -XAtc 'SHOW server_version' | awk '{print $1}')"
	run -0 --separate-stderr labctl --json bootstrap postgres
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	run -0 --separate-stderr labctl --json status
	[ "$(jq '[.nodes[].databases[] | select(.up)] | length' <<<"$output")" = 8 ]
	run -0 --separate-stderr labctl --json create
	jq -r '.steps[] | select(.state == "done") | .id' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "psql and ssh on the host can use the inventory" {
	# shellcheck disable=SC2016
	inside bash -c 'eval "$("$LABCTL" env)" && psql -wAtc "SELECT 1" && psql -w service=lab-node2 -Atc "SELECT pg_is_in_recovery()"' |
		tail -n 1 | grep -qx t
	inside ssh -F "$LABCTL_STATE/labs/lab/inventory/ssh_config" lab-node2 true </dev/null
}

@test "rows written on the primary are read on every standby" {
	[ "$(labctl psql node1 -- template1 -Atc 'SELECT current_database()')" = template1 ]
	labctl psql node1 -- -qc 'CREATE TABLE e2e (n int)' -c 'INSERT INTO e2e SELECT generate_series(1, 1000)'
	for n in 2 3 4 5 6 7 8; do
		for _ in $(seq 50); do
			got=$(labctl psql "$n" -- -Atc "SELECT count(*) FROM e2e" 2>/dev/null || true)
			[ "$got" = 1000 ] && break
			sleep 0.2
		done
		[ "$got" = 1000 ]
	done
}

# pinned FILE-NAME LINE...: a lab file of this lab with these settings.
pinned() {
	printf '%s\n' "lab: lab" "nodes: 8" "cluster:" "  kind: postgres" "${@:2}" >"$WORK/$1.yaml"
}

setting() { labctl psql "$1" -- -Atc "SHOW $2"; }

@test "settings of the lab file are applied to a running cluster, by a reload or a restart of the affected servers" {
	# A server whose start took long: it became ready some time after it had read its files.
	labctl exec 4 -- 'touch -d "1 hour" /data/pgsql/postmaster.pid'
	pinned one "  settings:" "    primary: {work_mem: 24MB}" "    standby: {max_connections: 120}"
	run -0 --separate-stderr labctl -f "$WORK/one.yaml" --json bootstrap
	[[ $stderr == *"cluster.settings.primary.work_mem has no value, wanted 24MB"* ]]
	[ "$(jq -r '.steps[] | select(.id == "primary.apply/node1").notes' <<<"$output" | grep -c 'reloaded the primary')" = 1 ]
	[ "$(jq -r '.steps[] | select(.id == "standby.apply/node5").notes' <<<"$output" | grep -c 'restarted the standby')" = 1 ]
	[ "$(setting 1 work_mem)" = 24MB ]
	[ "$(setting 4 max_connections)" = 120 ]
	[ "$(setting 5 max_connections)" = 120 ]
	# A setting removed from the file is removed from the server; from then on the record counts.
	pinned two "  settings:" "    standby: {max_connections: 120}"
	labctl -f "$WORK/two.yaml" bootstrap
	[ "$(setting 1 work_mem)" = 4MB ]
	run -0 --separate-stderr labctl --json bootstrap
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "a rejected value leaves the working file in place and the server running" {
	# The first is detected before the server reads it, the second only at its start.
	for bad in "work_mem: lots" "shared_buffers: 900GB"; do
		pinned bad "  settings:" "    primary: {$bad}" "    standby: {max_connections: 120}"
		run -20 labctl -f "$WORK/bad.yaml" bootstrap
		[[ $output == *"the primary rejects its new configuration: "*"it keeps the old one"* ]]
		run ! labctl exec 1 -- grep -E "= '?(lots|900GB)" /data/pgsql/postgresql.conf
		[ "$(setting 1 shared_buffers)" = 128MB ]
	done
	labctl -f "$WORK/two.yaml" bootstrap
}

@test "keys that cannot change in a running cluster are refused, all at once, without changes" {
	pinned other "  user: dba" "  primary: {dir: other}" "  standby: {dir: elsewhere}" "  settings:" "    primary: {work_mem: 99MB}"
	run -5 labctl -f "$WORK/other.yaml" bootstrap
	[[ $output == *"cluster.user has postgres, wanted dba"* && $output == *"cluster.primary.dir has /data/pgsql, wanted /data/other"* ]]
	[[ $output == *"cluster.standby.dir has /data/pgsql, wanted /data/elsewhere"* ]]
	run -5 labctl -f "$WORK/other.yaml" create
	[ "$(setting 1 work_mem)" = 4MB ]
}

@test "a crashed server restarts by itself; collation is the lab's locale; rsync is installed" {
	labctl exec 1 -- 'kill -9 $(head -n 1 /data/pgsql/postmaster.pid)'
	for _ in $(seq 60); do
		got=$(labctl psql node1 -- -XAtc 'SELECT count(*) FROM e2e' 2>/dev/null || true)
		[ "$got" = 1000 ] && break
		sleep 0.5
	done
	[ "$got" = 1000 ]
	[ "$(labctl psql node1 -- -XAtc "SELECT string_agg(v, '' ORDER BY v) FROM (VALUES ('B'), ('a'), ('A')) t (v)")" = aAB ]
	labctl exec 1 -- 'type rsync'
}

@test "a standby whose directory was moved away is stopped and copied again, without the primary's log; a promoted one is reported" {
	labctl exec 3 -- 'mv /data/pgsql /data/old'
	labctl exec 1 -- 'echo "only the primary says this" >>/data/pgsql/log/postgresql.log'
	run -0 --separate-stderr labctl -v bootstrap
	[[ $stderr == *"stopped the server whose data directory was moved away"* ]]
	run labctl exec 3 -- 'grep "only the primary says this" /data/pgsql/log/postgresql.log'
	[ "$status" -ne 0 ]
	[ "$(labctl psql 3 -- -XAtc 'SELECT pg_is_in_recovery()')" = t ]
	labctl exec 3 -- 'su postgres -c "/usr/lib/postgresql/*/bin/pg_ctl -D /data/pgsql promote" </dev/null'
	run -30 --separate-stderr labctl --json status
	[ "$(jq -r '.nodes[2].databases[0].acts_as' <<<"$output")" = primary ]
	[ "$(jq -r '.nodes[1].databases[0].acts_as' <<<"$output")" = null ]
	run -30 --separate-stderr labctl status
	[[ $output == *"standby (acts as primary)"* && $stderr == *"standby: was promoted"* ]]
	# systemd keeps trying to start the server, whose directory does not exist.
	labctl exec 3 -- 'mv /data/pgsql /data/promoted; systemctl kill -s KILL labctl-postgres-standby'
	labctl bootstrap
	[ "$(labctl psql 3 -- -XAtc 'SELECT pg_is_in_recovery()')" = t ]
}

@test "create and bootstrap restore a lost node" {
	inside virsh -q -c lxc:///system destroy lab-node3
	run -30 labctl status
	[[ $output == *"1 of the 8 roles of the postgres cluster is not up"*"| node3: its machine is shut off"* ]]
	labctl create
	labctl bootstrap
	run -0 --separate-stderr labctl --json status
	[ "$(jq '[.nodes[].databases[] | select(.up)] | length' <<<"$output")" = 8 ]
}

@test "status reports servers that do not do their work, and exits 30" {
	labctl exec 1 -- 'systemctl stop "labctl-*.service"'
	run -30 --separate-stderr labctl --json status
	[ "$(jq -c '[.nodes[].services[] | select(.up == false).role] | unique' <<<"$output")" = '["primary","standby"]' ]
	[ "$(jq .error.exit_status <<<"$output")" = 30 ]
	labctl bootstrap
	run -0 labctl status
}

@test "a second lab beside it has its own subnet" {
	labctl -l other create 2
	a=$(labctl --json list | jq -r '.labs[] | select(.lab == "lab").subnet')
	b=$(labctl --json list | jq -r '.labs[] | select(.lab == "other").subnet')
	[ -n "$a" ] && [ -n "$b" ] && [ "$a" != "$b" ]
	labctl -l other destroy
	labctl -l lab exec -- true
}

@test "a killed create can be continued and destroyed" {
	killed_at "wait until it answers on SSH: done" -l killed create 4
	labctl -l killed create 4
	labctl -l killed exec -- true
	labctl -l killed destroy
	killed_at "overlay of the image, and the node's identity: done" -l killed create 4
	labctl -l killed destroy || [ $? = 4 ]
}

@test "destroy leaves the host as it was" {
	labctl --timings -l lab destroy
	host_state after
	same_host before after
	run -4 labctl -l lab destroy
}
