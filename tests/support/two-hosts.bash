# SPDX-License-Identifier: PostgreSQL
# For end-to-end tests of a lab over two hosts: a second sandbox with its own libvirt, network, sshd and state, linked with
# that of labs.bash, which is sourced first.
# shellcheck shell=bash disable=SC2030,SC2031

# hosts_up NAME: as labs_up, with the second one, whose name is in OTHER, not yet linked.
hosts_up() {
	labs_up "$1"
	OTHER=$SANDBOX-b
	export OTHER
	"$SOURCE_DIR/tests/support/sandbox" --state "$WORK/b" --keep "$OTHER" up
	SANDBOX=$OTHER libvirt_once
}

# Joins them; PATH is then that of the other host's sshd.
hosts_link() { "$SOURCE_DIR/tests/support/sandbox" --keep "$SANDBOX" link "$OTHER"; }

hosts_down() {
	"$SOURCE_DIR/tests/support/sandbox" --keep "$OTHER" down
	labs_down
}

# A command on the other host.
there() { SANDBOX=$OTHER inside env "LABCTL_STATE=$WORK/b/labctl" "$@"; }

# The state of both hosts, in $WORK/NAME and $WORK/NAME-b.
states() {
	host_state "$1"
	there "$SOURCE_DIR/tests/support/host-state" "$WORK/b/labctl" >"$WORK/$1-b"
}

same_states() { same_host "$1" "$2" && same_host "$1-b" "$2-b"; }
