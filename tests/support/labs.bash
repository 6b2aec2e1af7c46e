# SPDX-License-Identifier: PostgreSQL
# For end-to-end tests: a sandbox per file, labctl inside it with a state directory of the test.
# shellcheck shell=bash

labs_up() {
	SANDBOX=e2e-$1-$$
	WORK=$(mktemp -d /tmp/labctl-e2e.XXXXXX)
	export SANDBOX WORK
	export LABCTL_STATE=$WORK/state LABCTL_YES=1
	"$SOURCE_DIR/tests/support/sandbox" --keep "$SANDBOX" up
	libvirt_once
}

# After its first network, libvirt leaves things behind, such as empty tables of the packet filter. Make one before the state
# of the host is recorded.
libvirt_once() {
	local xml="<network><name>warm</name><forward mode='nat'/><bridge name='warm0'/><ip address='10.89.255.1' prefix='24'/></network>"

	printf '%s\n' "$xml" >"$WORK/warm.xml"
	inside virsh -q -c qemu:///system net-create "$WORK/warm.xml"
	inside virsh -q -c qemu:///system net-destroy warm
	rm "$WORK/warm.xml"
}

labs_down() {
	"$SOURCE_DIR/tests/support/sandbox" --keep "$SANDBOX" down
	rm -rf --one-file-system "$WORK"
}

# Runs a command inside the sandbox, with a deadline.
inside() {
	timeout -k 20 "${DEADLINE:-600}" "$SOURCE_DIR/tests/support/sandbox" --keep "$SANDBOX" run "$@"
}

labctl() {
	inside "$LABCTL" "$@"
}

host_state() {
	inside "$SOURCE_DIR/tests/support/host-state" "$LABCTL_STATE" >"$WORK/$1"
}

same_host() {
	diff -u "$WORK/$1" "$WORK/$2"
}
