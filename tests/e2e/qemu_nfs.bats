# SPDX-License-Identifier: PostgreSQL
# Two emulated machines with their data directories on a real NFS mount, PostgreSQL on them, and a clean host after destroy.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up qemu
	export LABCTL_HYPERVISOR=qemu
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

@test "create 2 boots emulated machines and mounts their data directories over NFSv4" {
	labctl --timings create 2
	labctl exec -- 'findmnt -no FSTYPE,OPTIONS /data | grep -q "^nfs4 .*hard.*proto=tcp" && grep -q " /data nfs" /etc/fstab'
	labctl exec -- 'echo "$(hostname)" > /data/hello'
	[ "$(cat "$LABCTL_STATE"/labs/lab/data/node2/hello)" = node2 ]
}

@test "a second create changes nothing" {
	run -0 --separate-stderr labctl --json create 2
	jq -r '.steps[] | select(.state == "done" or .state == "failed") | .id + ": " + .state + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "kernel settings are applied" {
	labctl exec -- 'test "$(cat /proc/sys/kernel/shmmni)" = 4096 && test "$(cat /proc/sys/vm/overcommit_memory)" -ge 0'
}

@test "bootstrap postgres with its data on NFS" {
	labctl --timings bootstrap postgres
	labctl psql node1 -- -qc 'CREATE TABLE e2e (n int)' -c 'INSERT INTO e2e SELECT generate_series(1, 1000)'
	for _ in $(seq 100); do
		got=$(labctl psql node2 -- -Atc "SELECT count(*) FROM e2e" 2>/dev/null || true)
		[ "$got" = 1000 ] && break
		sleep 0.2
	done
	[ "$got" = 1000 ]
}

@test "destroy --keep-data keeps the data and nothing else" {
	labctl destroy --keep-data
	[ -f "$LABCTL_STATE"/labs/lab/data/node2/hello ]
	rm -rf --one-file-system "$LABCTL_STATE/labs/lab"
	rmdir "$LABCTL_STATE/labs" || true
	host_state after
	same_host before after
}
