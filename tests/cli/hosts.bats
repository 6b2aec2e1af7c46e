# SPDX-License-Identifier: PostgreSQL
# host list, add, check, remove, without any other host.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	cat >lab.yaml <<-EOF
		lab: duo
		hypervisor: lxc
		nodes: 3
		defaults: {memory: 512MiB}
		hosts:
		  - {name: a, underlay: 192.0.2.1, cpus: 8}
		  - {name: b, ssh: 127.255.255.254, underlay: 192.0.2.2, memory: 2GiB}
	EOF
}

labctl() { LABCTL_SANDBOX='' "$LABCTL" "$@"; }

@test "host list shows the hosts, their nodes and what these need" {
	run -0 --separate-stderr labctl -f lab.yaml --json host list
	[ "$(jq -c '[.hosts[] | [.host, .ssh, .underlay, .nodes, .cpus, .memory]]' <<<"$output")" = \
		'[["a","","192.0.2.1","node1,node3","2 of 8","1024 MiB"],["b","127.255.255.254","192.0.2.2","node2","1","512 MiB of 2048"]]' ]
	run -4 labctl -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" host list
	[[ $output == *"has no \`hosts\`"* ]]
}

@test "a host that does not answer is named with the reason" {
	run -10 labctl -f lab.yaml host add b
	[[ $output == *"host b (ssh 127.255.255.254): "*"next: ssh -o BatchMode=yes"* ]]
	run -12 --separate-stderr labctl -f lab.yaml --json host check
	[ "$(jq -c '[.hosts[] | [.host, .error.code]]' <<<"$output")" = '[["a",null],["b","SSH"]]' ]
	run -10 labctl host add 127.255.255.254
	[[ $output == *"host 127.255.255.254 (ssh 127.255.255.254): "* ]]
}

@test "hosts that cannot be added" {
	run -2 labctl -f lab.yaml host add a
	[[ $output == *"host a is the first one"* ]]
	run -2 labctl -f lab.yaml host add bb
	[[ $output == *"lab 'duo' has no host 'bb'; known: a, b"* ]]
	rm lab.yaml
	run -2 labctl host add
	[[ $output == *"NAME"* ]]
}
