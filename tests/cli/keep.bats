# SPDX-License-Identifier: PostgreSQL
# protect, unprotect, gc and list --all on records without machines; libvirt's test driver has none of ours.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	lab=$LABCTL_STATE/labs/one
	mkdir -p "$lab"
	printf '%s\n' 'lab: one' 'nodes: 2' 'hypervisor: qemu' 'network: {subnet: 10.88.7.0/24}' >"$lab/lab.yaml"
}

labctl() { "$LABCTL" --connect test:///default "$@"; }

@test "a protected lab is not destroyed, by no way; list shows it" {
	run -0 labctl -l one protect
	[[ $output == *"lab 'one' is now protected"* ]]
	run -0 labctl -l one protect
	[[ $output == *"already protected"* ]]
	run -5 labctl -y -l one destroy
	[[ $output == *"lab 'one' is protected"*"next: labctl -l one unprotect"* ]]
	run -5 labctl -n -l one destroy
	[ -e "$lab/lab.yaml" ]
	run -0 --separate-stderr labctl list
	[[ ${lines[0]} == *" PROTECTED "* && ${lines[1]} == *" yes "* ]]
	[ "$(labctl list --json | jq -r '.labs[0].is_protected')" = true ]
	run -0 labctl -l one unprotect
	run -0 --separate-stderr labctl list
	[[ ${lines[0]} != *PROTECTED* ]]
	run -0 labctl -y -l one destroy
	[ ! -e "$LABCTL_STATE/labs" ]
	run -4 labctl -l one protect
}

@test "gc: nothing of a recorded lab; a directory and a lease without a lab are listed, then removed" {
	uuid=11111111-1111-1111-1111-111111111111
	printf '%s\n' "$uuid" >"$lab/id"
	mkdir -p "$LABCTL_STATE/leases" "$LABCTL_STATE/labs/gone/nodes/node1"
	printf '%s one\n' "$uuid" >"$LABCTL_STATE/leases/10.88.7.0-24"
	run -0 labctl gc -n
	grep -q '^gone ' <<<"$output"
	run ! grep -q '^one ' <<<"$output"
	printf '%s lost\n' 22222222-2222-2222-2222-222222222222 >"$LABCTL_STATE/leases/10.88.9.0-24"
	run -0 --separate-stderr labctl --json gc -n
	[ "$(jq -c '[.labs[] | [.lab, .leases, .directory]] | sort' <<<"$output")" = '[["gone",0,true],["lost",1,false]]' ]
	[ -e "$LABCTL_STATE/labs/gone" ]
	run -2 labctl gc </dev/null
	[[ $output == *"run the same command with -y"* ]]
	run -0 labctl -y gc
	[ ! -e "$LABCTL_STATE/labs/gone" ]
	[ ! -e "$LABCTL_STATE/labs/lost" ]
	[ "$(ls "$LABCTL_STATE/leases")" = 10.88.7.0-24 ]
	[ -e "$lab/lab.yaml" ]
	run -0 labctl gc
	[[ $output == *"nothing is left of labs without a record"* ]]
}

@test "gc leaves alone what another labctl is making, and everything if an id cannot be read" {
	mkdir -p "$LABCTL_STATE/labs/new"
	: >"$LABCTL_STATE/labs/new/lock"
	flock -F "$LABCTL_STATE/labs/new/lock" sleep 20 3>&- &
	holder=$!
	until ! flock -n "$LABCTL_STATE/labs/new/lock" true; do sleep 0.05; done
	run -0 labctl -y gc
	[[ $output == *"nothing is left"* ]]
	kill "$holder"
	wait "$holder" || true
	mkdir -p "$LABCTL_STATE/leases"
	printf '%s lost\n' 22222222-2222-2222-2222-222222222222 >"$LABCTL_STATE/leases/10.88.9.0-24"
	printf 'damaged\n' >"$lab/id"
	run -0 --separate-stderr labctl --json -n gc
	[ "$(jq -c '[.labs[].lab]' <<<"$output")" = '["new"]' ]
}

@test "list --all also asks libvirt; status --watch and top need a terminal or print once" {
	run -0 labctl list --all
	[[ $output == *"one "* ]]
	run -2 labctl -l one status --watch
	[[ $output == *"needs a terminal"* ]]
	run -2 labctl -l one --json status --watch
	run -0 --separate-stderr labctl -l one --json top 1
	[ "$(jq -c '[.nodes[] | [.node, .running]]' <<<"$output")" = '[["node1",false]]' ]
	run -4 labctl -l one top node7
}

@test "status --watch: one screen, also a narrow one; the terminal is as before" {
	run script -qefc "stty cols 24 rows 6; timeout -s INT 4 $LABCTL --connect test:///default -l one status --watch" /dev/null
	[[ $output == *$'\e[?1049h'*$'\e[H'*"one  "*"NODE"*$'\e[J'*$'\e[?25h\e[?1049l'* ]]
	# nothing is wider than the screen
	[ "$(tr -d '\r' <<<"$output" | sed $'s/\e\\[H/\\n/g; s/\e\\[[?0-9]*[A-Za-z]//g' | awk 'length($0) > most { most = length($0) } END { print most }')" -le 24 ]
}

# later SECONDS COMMAND...: runs it so much later by the clock of the boot, in a time namespace.
later() { unshare --time --boottime "$1" "$LABCTL" --connect test:///default "${@:2}"; }

@test "a lab whose lifetime is over is removed, a protected one is named, others stay" {
	unshare --time true 2>/dev/null || skip "no time namespace"
	for name in two three; do
		mkdir "$LABCTL_STATE/labs/$name"
		sed "s/one/$name/; s/\.7\./.8./" "$lab/lab.yaml" >"$LABCTL_STATE/labs/$name/lab.yaml"
	done
	run -2 labctl -l one extend
	[[ $output == *"lab 'one' was made without a ttl"*"next: labctl -l one extend 8h"* ]]
	run -2 labctl -l one extend 8x
	run -0 labctl -l one extend 8h
	grep -Eq "lab 'one' expires in (8h|7h 5[0-9]m)" <<<"$output"
	run -0 labctl -l two extend 1h
	run -0 labctl -l two protect
	run -0 labctl -l three extend 2d
	run -0 --separate-stderr labctl list
	[[ ${lines[0]} == *" EXPIRES "* ]]
	grep -Eq "in (8h|7h 5[0-9]m)" <<<"$output"
	run -0 labctl -y gc --expired
	[[ $output == *"no lab in $LABCTL_STATE has expired"* ]]
	run -0 later 27000 -y gc --expired
	[[ $output == *"lab 'two': its lifetime is over since 6h"*": protected"*"labctl -l two extend 8h, or labctl -l two unprotect"* ]]
	run -2 later 29000 gc --expired </dev/null
	[[ $output == *"-y (--yes)"* ]]
	run -0 later 29000 -n gc --expired
	grep -q "lab 'one': its lifetime is over since [3-9]m.*: expired" <<<"$output"
	[ -e "$lab/lab.yaml" ]
	# One on which another labctl works.
	flock -F "$lab/lock" sleep 20 3>&- &
	holder=$!
	until ! flock -n "$lab/lock" true; do sleep 0.05; done
	run -0 later 29000 -y gc --expired
	grep -q "lab 'one': its lifetime is over since [3-9]m.*: busy" <<<"$output"
	kill "$holder"
	wait "$holder" || true
	run -0 --separate-stderr later 29000 --json -y gc --expired
	[ "$(jq -c '[.labs[] | [.lab, .result]]' <<<"$output")" = '[["one","removed"],["two","protected"]]' ]
	[ ! -e "$lab" ] && [ -e "$LABCTL_STATE/labs/two/lab.yaml" ] && [ -e "$LABCTL_STATE/labs/three/lab.yaml" ]
	run -0 labctl -l two extend --never
	[[ $output == *"does not expire any more"* ]]
	run -0 later 1000000 -n gc --expired
	[[ $output == *"lab 'three'"* && $output != *"lab 'two'"* ]]
	printf 'damaged\n' >"$LABCTL_STATE/labs/three/expires"
	run -3 later 1000000 -y gc --expired
	[[ $output == *"lab 'three': "*"is damaged"* ]]
	[ -e "$LABCTL_STATE/labs/three/lab.yaml" ]
}

@test "autostart: labs that want it, by name; one that fails does not keep the others; a dry run names them" {
	run -0 labctl autostart
	[[ $output == *"no lab in $LABCTL_STATE has autostart: true"* ]]
	for name in two three; do
		mkdir "$LABCTL_STATE/labs/$name"
		sed "s/one/$name/" "$lab/lab.yaml" >"$LABCTL_STATE/labs/$name/lab.yaml"
		printf 'autostart: true\n' >>"$LABCTL_STATE/labs/$name/lab.yaml"
	done
	run -0 labctl -n autostart
	[ "$output" = $'labctl -l three start\nlabctl -l two start' ]
	printf 'lab: [\n' >"$LABCTL_STATE/labs/three/lab.yaml"
	run ! labctl --timeout 20 autostart
	[[ $output == *"three/lab.yaml"*"lab 'two': starting"*"2 labs did not start"* ]]
}
