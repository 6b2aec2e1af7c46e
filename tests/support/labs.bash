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

# An image on which LABCTL_CITUS_ARCHIVE runs (src/model/platform.c): LABCTL_CITUS_IMAGE, or the newest.
citus_image() {
	case ${LABCTL_CITUS_ARCHIVE##*/} in
	citus-12.*) echo "${LABCTL_CITUS_IMAGE:-debian12}" ;;
	*) echo "${LABCTL_CITUS_IMAGE:-debian13}" ;;
	esac
}

# The image of nodes with LABCTL_PGXC_ARCHIVE.
pgxc_image() { echo "${LABCTL_PGXC_IMAGE:-debian12}"; }

# ran KIND VERSION: tells tests/support/versions what this file's lab, of one image, runs.
ran() {
	[ -z "${LABCTL_RAN-}" ] || printf '%s\t%s\t%s\n' "$1" "$2" \
		"$(labctl exec 1 -- '. /etc/os-release; echo "$ID$VERSION_ID"' | awk '{print $2}')" >>"$LABCTL_RAN"
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

# killed_at TEXT ARGUMENTS...: labctl with these, killed as soon as it has printed a line with TEXT. Fails if it never does.
killed_at() {
	# shellcheck disable=SC2016
	inside bash -c 'text=$1; shift
		exec {lines}< <(exec "$@" 2>&1 </dev/null)
		pid=$!
		while read -r -u "$lines" line; do
			[[ $line != *"$text"* ]] || { kill -KILL "$pid"; exit 0; }
		done
		echo "it ended without: $text"
		exit 1' bash "$1" "$LABCTL" "${@:2}"
}
