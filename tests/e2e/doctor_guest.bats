# SPDX-License-Identifier: PostgreSQL
# labctl doctor --kvm: a guest from the image. Emulated, since few test hosts have KVM; the rest of it is the same.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up doctor-guest
	export LABCTL_HYPERVISOR=qemu
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

domains() { inside virsh -q -c qemu:///system list --all --name; }
found() { labctl --json doctor --kvm 2>/dev/null | jq -r '.checks[] | "\(.result) \(.found)"'; }

@test "a guest boots and powers itself off; the image and the host are as before" {
	cache=${LABCTL_CACHE:-/var/cache/labctl}
	images=$(inside find "$cache/images" -maxdepth 2 -printf '%p %U %m %s %T@\n' | sort)
	run -0 found
	[[ $output =~ ^"pass a guest of debian12 (emulated) boots and ends in "[0-9.]+" s"$ ]]
	[ "$(inside find "$cache/images" -maxdepth 2 -printf '%p %U %m %s %T@\n' | sort)" = "$images" ]
	[ -z "$(domains)" ]
	host_state after
	same_host before after
}

@test "one that is not ready in time, and one whose disk is empty, are told apart" {
	run -6 labctl --timeout 2 doctor --kvm
	[[ $output =~ "a guest of debian12 (emulated) "("says nothing for"|"has not booted after")" 2." ]]
	for image in "${LABCTL_CACHE:-/var/cache/labctl}"/images/debian12-[0-9a-f]*; do
		[[ ! ${image##*/} =~ ^debian12-[0-9a-f]{12}$ ]] || break
	done
	export LABCTL_CACHE=$WORK/empty
	mkdir -p "$LABCTL_CACHE/images/${image##*/}"
	cp "$image"/{digest,recipe,vmlinuz,initrd.img} "$LABCTL_CACHE/images/${image##*/}"
	qemu-img create -q -f qcow2 "$LABCTL_CACHE/images/${image##*/}/disk.qcow2" 1G
	run -6 labctl doctor --kvm
	[[ $output == *"a guest of debian12 (emulated) ends after "*" s without having booted: "* ]]
	[ -z "$(domains)" ]
}

@test "it ends with labctl, also when labctl is killed; the next one works" {
	# shellcheck disable=SC2016
	inside bash -euc '
		guests() { virsh -q -c qemu:///system list --name; }
		"$1" doctor --kvm >/dev/null 2>&1 & pid=$!
		for _ in {1..100}; do [ -z "$(guests)" ] || break; sleep 0.1; done
		[ "$(guests)" = labctl-doctor-guest ]
		kill -KILL "$pid"
		for _ in {1..100}; do [ -n "$(guests)" ] || break; sleep 0.1; done
		[ -z "$(guests)" ]' bash "$LABCTL"
	run -0 found
}

@test "usage: it is one check" {
	run -2 labctl doctor --kvm --purge
	run -2 labctl doctor --kvm leases
	run -0 labctl --json doctor
	[[ $output != *"kvm guest"* ]]
}
