# SPDX-License-Identifier: PostgreSQL
# labctl outside of a sandbox enters the one that LABCTL_SANDBOX names, or the only one.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC2154  # set by run

setup_file() {
	[ "$(id -u)" = 0 ] || return 0
	export NAME=enter-$$ LABCTL_STATE=$BATS_FILE_TMPDIR/state LABCTL_CACHE=$BATS_FILE_TMPDIR/cache
	"$SOURCE_DIR/tests/support/sandbox" --keep "$NAME" up
}

teardown_file() {
	[ "$(id -u)" != 0 ] || "$SOURCE_DIR/tests/support/sandbox" --keep "$NAME" down
}

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root for a sandbox"
	unset LABCTL_SANDBOX
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# The result of doctor's check $1.
checked() { "$LABCTL" --json doctor 2>/dev/null | jq -r --arg check "$1" '.checks[] | select(.check == $check) | .result + " " + .found'; }

@test "LABCTL_SANDBOX names it: its libvirt answers, in its namespaces; empty: outside" {
	export LABCTL_SANDBOX=$NAME
	[[ $(checked "libvirt lxc") == "pass libvirt "* ]]
	[ "$(checked sandbox)" = "pass $NAME" ]
	# inside, too, where its first process cannot be seen
	run -0 "$SOURCE_DIR/tests/support/sandbox" --keep "$NAME" run "$LABCTL" --json --timeout 60 doctor
	[ "$(jq -r '.checks[] | select(.check == "sandbox") | .found' <<<"$output")" = "$NAME" ]
	[ ! -e /run/libvirt/libvirt-sock ] || return 0
	LABCTL_SANDBOX='' run checked "libvirt lxc"
	[[ $output != pass* ]]
	LABCTL_SANDBOX='' run "$LABCTL" doctor
	[[ $output == *"LABCTL_SANDBOX="*" labctl ..."* ]]
}

@test "the only one that runs is entered where there is no libvirt" {
	[ ! -e /run/libvirt/libvirt-sock ] || skip "this host has a libvirt"
	[ "$("$SOURCE_DIR/tests/support/sandbox" --list | grep -vc '^run-')" = 1 ] || skip "other sandboxes run here"
	[ "$(checked sandbox)" = "pass $NAME" ]
}

@test "exit status, working directory, output and signals are those of the command" {
	export LABCTL_SANDBOX=$NAME
	run -4 "$LABCTL" status
	[[ $output == *"there is no lab on this host"* ]]
	mkdir deep
	cd deep
	echo 'nodes: 3' >labctl.yaml
	run -0 --separate-stderr "$LABCTL" --hypervisor lxc plan create
	[[ $output == *node3* ]]
	run -0 "$LABCTL" --hypervisor lxc render postgres --out out
	[ -e "$BATS_TEST_TMPDIR/deep/out" ]
}

@test "an unknown one is refused, before anything is done" {
	LABCTL_SANDBOX=nowhere run -4 "$LABCTL" create 2
	[[ $output == *"LABCTL_SANDBOX: there is no sandbox 'nowhere'"*"next: tests/support/sandbox --list"* ]]
	[ ! -e "$LABCTL_STATE" ]
	LABCTL_SANDBOX=../../tmp run -4 "$LABCTL" create 2
	# What needs no libvirt does not care.
	LABCTL_SANDBOX=nowhere run -0 "$LABCTL" version
}

@test "images are built outside, where the network is" {
	export LABCTL_DATA=$BATS_TEST_TMPDIR/data
	cp -r "$SOURCE_DIR"/{domains,kickstart,tuning} -t "$(mkdir data && echo data)"
	printf '%s\n' '[[ " $* " != *" --print "* ]] || exit 0' 'echo "no mirror here"; exit 1' >data/kickstart/build-image
	for name in "$NAME" ''; do
		LABCTL_SANDBOX=$name run "$LABCTL" image build
		[ "$status" -ne 0 ]
		[[ $output == *"no mirror here"* ]]
	done
	run "$SOURCE_DIR/tests/support/sandbox" --keep "$NAME" run env LABCTL_DATA="$LABCTL_DATA" "$LABCTL" image build
	[[ $output == *"the sandbox '$NAME' cannot reach a mirror"* ]]
}

@test "a termination is passed on" {
	export LABCTL_SANDBOX=$NAME LABCTL_DATA=$BATS_TEST_TMPDIR/data
	cp -r "$SOURCE_DIR"/{domains,kickstart,tuning} -t "$(mkdir data && echo data)"
	# What doctor asks for the mirrors does not end.
	printf '%s\n' "touch $BATS_TEST_TMPDIR/began" 'exec sleep 50' >data/kickstart/build-image
	"$LABCTL" doctor >out 2>err &
	pid=$!
	for ((i = 0; i < 200; i++)); do [ ! -e began ] || break; sleep 0.1; done
	[ -e began ]
	began=$SECONDS
	kill -TERM "$pid"
	run wait "$pid"
	[ $((SECONDS - began)) -lt 30 ]
	grep -q 'labctl: interrupted' err
}

@test "a sandbox that is kept does not keep the files of its caller open" {
	exec {held}>held
	flock -n "$held"
	"$SOURCE_DIR/tests/support/sandbox" --keep "$NAME-held" up
	exec {held}>&-
	run -0 flock -n held true
	"$SOURCE_DIR/tests/support/sandbox" --keep "$NAME-held" down
}
