# SPDX-License-Identifier: PostgreSQL
# disk-full in a lab whose data directories have a file system of their own, and its refusal where they have not.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2016

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up full
	export LABCTL_HYPERVISOR=lxc
	mkdir "$WORK/data"
	truncate -s 600M "$WORK/data.img"
	inside mkfs.ext4 -q -b 4096 "$WORK/data.img"
	inside mount -o loop "$WORK/data.img" "$WORK/data"
	printf '%s\n' 'lab: lab' 'nodes: 1' "data: {export_root: $WORK/data}" 'cluster: {kind: postgres}' >"$WORK/lab.yaml"
	labctl -f "$WORK/lab.yaml" create
	labctl bootstrap postgres
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	inside umount "$WORK/data"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

teardown() { [ ! -d "$LABCTL_STATE/labs/lab" ] || labctl fault heal --all; }

faults() { labctl --json fault list | jq -r '.faults[] | "\(.id) \(.state)"'; }
soon() { local i; for ((i = 0; i < $1 * 2; i++)); do "${@:2}" && return; sleep 0.5; done; return 1; }
none() { [ -z "$(faults)" ]; }
# grow: 40 MB more in the database
grow() { labctl psql -- -qc 'CREATE TABLE IF NOT EXISTS big (t text)' -c "INSERT INTO big SELECT repeat('x', 8000) FROM generate_series(1, 5000)" -c 'ALTER TABLE big ALTER t SET STORAGE EXTERNAL' -c "INSERT INTO big SELECT repeat('x', 8000) FROM generate_series(1, 5000)"; }

@test "no space left, also if labctl was killed; healing gives it back, and no committed row is lost" {
	labctl psql -- -qc 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n' -c CHECKPOINT
	inside bash -c '"$1" fault inject disk-full 1 & pid=$!; for _ in $(seq 400); do [ -e "$2"/node1/.labctl-full ] && break; sleep 0.02; done; kill -KILL $pid; wait' - "$LABCTL" "$WORK/data"
	[ "$(faults)" = "1 active" ]
	# what of it was done before the kill is completed by a second one
	labctl fault inject disk-full 1 --for 1h
	[ "$(inside stat -f -c %a "$WORK/data")" -lt 16 ]
	run grow
	[[ $output == *"No space left on device"* ]]
	labctl fault heal 1
	[ "$(faults)" = "2 active" ]
	[ -n "$(inside find "$WORK/data/node1/.labctl-full")" ]
	labctl fault heal 2
	none
	[ "$(inside stat -f -c %a "$WORK/data")" -gt 10000 ]
	labctl start
	soon 30 grow
	[ "$(labctl psql -- -XAtc 'SELECT count(*) FROM kept')" = 1000 ]
}

@test "--for ends it; a file that somebody removed is said; destroy takes it along" {
	labctl fault inject disk-full 1 --for 3s
	soon 20 none
	[ "$(inside stat -f -c %a "$WORK/data")" -gt 10000 ]
	labctl fault inject disk-full 1
	inside rm "$WORK/data/node1/.labctl-full"
	[ "$(faults)" = "1 gone: somebody removed the file" ]
	labctl fault heal --all
	labctl fault inject disk-full 1 --for 1h
	labctl destroy
	[ -z "$(inside find "$WORK/data" -mindepth 1 ! -name lost+found)" ]
}

@test "the host's own file systems are not filled" {
	labctl -l plain create 1
	run -5 labctl -l plain fault inject disk-full 1
	[[ $output == *"has no file system of its own"*"export_root"* ]]
	run -0 labctl -l plain fault list
	[[ $output == *"has no faults"* ]]
	labctl destroy
}
