# SPDX-License-Identifier: PostgreSQL
# labctl does not remove anything without consent, use another user's lab file, or make a lab by accident.
# Nothing here changes the host.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache LABCTL_CONNECT=qemu:///nonsense
	mkdir -p "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here" || exit 1
	record x
}

# record NAME: makes the record of a lab that is not running.
record() {
	mkdir -p "$LABCTL_STATE/labs/$1"
	printf '%s\n' "lab: $1" 'nodes: 2' 'hypervisor: qemu' 'network: {subnet: 10.88.7.0/24}' 'cluster: {kind: postgres}' \
		>"$LABCTL_STATE/labs/$1/lab.yaml"
}

labctl() { "$LABCTL" "$@"; }

@test "without a terminal and without -y nothing is removed: exit 2, and -y is named" {
	for command in "-l x destroy" "image gc"; do
		mkdir -p "$LABCTL_CACHE/images/.dead.install"
		# shellcheck disable=SC2086
		run -2 labctl $command </dev/null
		[[ $output == *"cannot ask for confirmation"* && $output == *"-y (--yes)"* ]]
		# shellcheck disable=SC2086
		run -2 labctl $command <<<x
	done
	[ -e "$LABCTL_STATE/labs/x/lab.yaml" ]
	[ -d "$LABCTL_CACHE/images/.dead.install" ]
	run -0 labctl -y image gc
	[ ! -e "$LABCTL_CACHE/images/.dead.install" ]
	# A dry run removes nothing and does not ask.
	run -40 labctl -l x -n destroy
}

@test "create without arguments uses the only lab, as other commands do" {
	run -5 labctl --hypervisor lxc create </dev/null
	[[ $output == *"lab 'x' exists with other settings: hypervisor has qemu, wanted lxc"* ]]
	record y
	run -2 labctl create
	[[ $output == *"which lab? This host has 'x', 'y'"* && $output == *"labctl -l x create"* ]]
	run -2 labctl -n create
	run -2 labctl status
	# A name or N makes a new lab.
	run -40 labctl --hypervisor qemu -l new create
	run -40 labctl --hypervisor qemu create 2
	[ ! -e "$LABCTL_STATE/labs/lab" ]
}

# found COMMAND...: runs it as root in a directory with another user's labctl.yaml.
found() { run "$@" env -u SUDO_UID "$LABCTL" -n create 1; }

@test "labctl.yaml in the working directory must belong to root or the caller, and be writable by nobody else" {
	printf 'lab: theirs\nnodes: 1\n' >labctl.yaml
	chmod 644 labctl.yaml
	found -0
	[[ $output == *"theirs"* ]]
	[ "$(id -u)" = 0 ] || skip "files of others are made by root only"
	chmod 646 labctl.yaml
	found -5
	[[ $output == *"is writable by others"*"labctl -f ./labctl.yaml create"* ]]
	chmod 644 labctl.yaml
	chown 1234 labctl.yaml
	found -5
	[[ $output == *"belongs to another user (uid 1234)"*"labctl -f ./labctl.yaml create"* ]]
	run -5 "$LABCTL" create 1
	run -5 "$LABCTL" destroy -y
	run -5 "$LABCTL" status
	# A file given by -f is trusted, and so is one of the user who called sudo.
	run -0 labctl -f labctl.yaml -n create 1
	LABCTL_FILE=labctl.yaml run -0 labctl -n create 1
	SUDO_UID=1234 run -0 labctl -n create 1
	SUDO_UID=1235 run -5 labctl -n create 1
	# The owner of a link must be trusted, too.
	mv labctl.yaml other.yaml
	chown 0 other.yaml
	ln -s other.yaml labctl.yaml
	found -0
	chown -h 1234 labctl.yaml
	found -5
	# Commands without a lab file do not read it.
	run -0 labctl list
	run -0 labctl -l x env
}

@test "passwords and tokens in the URL of a source are never shown" {
	local url='http://me:Sesam@127.0.0.1:1/pgxc-v1.tar.gz?token=Sesam' image='http://me:Sesam@127.0.0.1:1/a.qcow2?token=Sesam'

	printf '%s\n' 'lab: secret' 'nodes: 8' "image: {source: '$image'}" "cluster: {kind: pgxc, source: {archive: '$url'}}" >secret.yaml
	for command in "plan create" "plan bootstrap" "--json plan bootstrap" "plan bootstrap --dot"; do
		# shellcheck disable=SC2086
		run -0 labctl -f secret.yaml $command
		[[ $command == *--dot || $output == *"127.0.0.1"* || $output == *"pgxc-v1.tar.gz"* ]]
		[[ $output != *Sesam* ]]
	done
	run -0 labctl -n image import a "$image"
	[[ $output == *"http://127.0.0.1:1/a.qcow2"* && $output != *Sesam* ]]
	run ! labctl image import a "$image"
	[[ $output != *Sesam* ]]
}
