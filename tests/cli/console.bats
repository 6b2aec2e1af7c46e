# SPDX-License-Identifier: PostgreSQL
# `labctl console`: what is refused.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir -p "$LABCTL_STATE/labs/one"
	printf '%s\n' 'lab: one' 'nodes: 2' 'hypervisor: qemu' 'network: {subnet: 10.88.7.0/24}' >"$LABCTL_STATE/labs/one/lab.yaml"
}

labctl() { "$LABCTL" --connect test:///default "$@"; }

@test "a console needs a terminal, and a node of the lab" {
	run -2 labctl -l one console node1
	[[ $output == *"a console needs a terminal on standard input and output"*"next: labctl -l one logs node1"* ]]
	run -2 labctl -l one console
	run -4 labctl -l one console node7
	run script -qefc "$LABCTL --connect test:///default -l one console node1; echo status \$?" /dev/null
	[[ $output == *"node1 is not running"*"next: labctl -l one start node1"*"status 40"* ]]
}
