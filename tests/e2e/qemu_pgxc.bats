# SPDX-License-Identifier: PostgreSQL
# Postgres-XC on an emulated machine whose data directory is a real NFS mount: all roles on one node.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	[ -n "${LABCTL_PGXC_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up qpgxc
	export LABCTL_HYPERVISOR=qemu
	host_state before
}

teardown_file() {
	[ -n "${LABCTL_PGXC_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	[ -n "${LABCTL_PGXC_ARCHIVE-}" ] || skip "LABCTL_PGXC_ARCHIVE names no Postgres-XC source archive"
	source "$SOURCE_DIR/tests/support/labs.bash"
}

@test "create 1 and bootstrap pgxc from source: the software comes over NFS" {
	labctl create 1 --image "$(pgxc_image)"
	labctl --timings bootstrap pgxc --source "$LABCTL_PGXC_ARCHIVE"
	[ "$(labctl psql -- -Atc "SELECT count(*) FROM pgxc_node")" = 2 ]
	labctl exec -- '! ls -d /data/.labctl-[0-9]* 2>/dev/null'
}

@test "a second bootstrap changes nothing" {
	run -0 --separate-stderr labctl --json bootstrap pgxc
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "destroy leaves the host as it was" {
	labctl destroy
	host_state after
	same_host before after
}
