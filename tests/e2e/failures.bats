# SPDX-License-Identifier: PostgreSQL
# Failures on a real host: foreign objects, missing objects, dying nodes, signals. Each gives one clear error and the right
# exit status, loses nothing, and is repaired by a second run.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up failures
	export LABCTL_HYPERVISOR=lxc
	host_state before
	labctl create 2
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	DEADLINE=60
}

lxc() { inside virsh -q -c lxc:///system "$@"; }

@test "exec: exit status, any bytes, and one JSON document even if a node fails" {
	run -3 labctl exec 2 -- 'exit 3'
	run -4 labctl exec node7 -- true
	[[ $output == *"no node is named 'node7': the lab has node1 to node"* ]]
	run -4 --separate-stderr labctl --json exec 1 -- 'printf "a\377\000b"; exit 4'
	[ "$(jq -r '.nodes[0].stdout | length' <<<"$output")" = 4 ]
	run -11 --separate-stderr labctl --json --timeout 1 exec -- sleep 60
	[ "$(jq -s 'length' <<<"$output")" = 1 ]
	[ "$(jq -r .error.code <<<"$output")" = TIMEOUT ]
	[ "$(labctl ssh node1 -- yes 2>/dev/null | head -n 1)" = y ]
}

@test "exec and ssh: one word is a shell command, several are a program and its arguments" {
	[ "$(labctl exec 1 -- sh -c 'echo a b')" = "node1  a b" ]
	[ "$(labctl exec 1 -- printf '%s|' 'a  b' "it's" '$HOME' '*')" = "node1  a  b|it's|\$HOME|*|" ]
	[ "$(labctl exec 1 -- 'echo a b | tr a-z A-Z')" = "node1  A B" ]
	[ "$(labctl ssh node1 -- sh -c 'echo a b')" = "a b" ]
	[ "$(labctl ssh node1 -- 'echo a b | tr a-z A-Z')" = "A B" ]
}

@test "exec: lines are printed as they arrive, until the reader closes the pipe" {
	# The second line never comes: the reader ends the command when it has the first one.
	[ "$(labctl exec 1 -- 'echo first; while [ ! -e /tmp/go ]; do sleep 0.1; done; rm /tmp/go; echo last' |
		while read -r line; do
			echo "$line"
			[ "$line" = "node1  first" ] && labctl exec 1 -- touch /tmp/go </dev/null >&2
		done)" = $'node1  first\nnode1  last' ]
	[ "$(labctl exec 1-2 -- 'yes "$(hostname)"' 2>/dev/null | sed -u 2q | sed 's/node[12]  node[12]/ok/')" = $'ok\nok' ]
	DEADLINE=600 labctl exec 1 -- 'head -c 20000000 /dev/zero | tr "\0" x; echo' >"$WORK/long"
	[ "$(tr -dc x <"$WORK/long" | wc -c)" = 20000000 ]
}

@test "ssh works with any name of the state directory" {
	local odd="$WORK/a \"50%h\" state"

	mkdir -p "$odd/labs/lab"
	cp "$LABCTL_STATE"/labs/lab/{lab.yaml,id_ed25519,id_ed25519.pub,known_hosts} "$odd/labs/lab/"
	LABCTL_STATE=$odd labctl ssh node1 -- true
}

@test "exec waits for a node whose sshd is slow to answer" {
	labctl exec -- 'systemctl kill --kill-who=main -s STOP ssh
		setsid sh -c "sleep 9; systemctl kill --kill-who=main -s CONT ssh" >/dev/null 2>&1 </dev/null &'
	labctl exec -- true
}

@test "a node that is off is reported at once, and create starts it" {
	lxc destroy lab-node2
	DEADLINE=10
	run -10 labctl exec 2 -- true
	[[ $output == *"lab-node2' is shut off"* && $output == *"next: labctl -l lab start"* ]]
	run -10 labctl ssh node2 -- true
	[[ $output == *"lab-node2' is shut off"* ]]
	DEADLINE=60
	labctl create
	labctl exec -- true
}

@test "a network stopped by hand: create connects the running nodes again" {
	lxc net-destroy labctl-lab
	labctl create
	labctl exec 1 -- 'ping -c 1 -W 2 node2 >/dev/null'
}

@test "a node whose system dies fails long before the deadline, with its state" {
	local root=$LABCTL_STATE/labs/lab/nodes/node2/root

	lxc destroy lab-node2
	inside mv "$root/usr/lib/systemd/systemd" "$root/root/systemd"
	inside sh -c "printf '#!/bin/sh\nsleep 1\nexit 1\n' >$root/usr/lib/systemd/systemd; chmod +x $root/usr/lib/systemd/systemd"
	run -40 labctl create
	[[ $output == *"node2 did not come up: domain 'lab-node2' is shut off"* ]]
	inside mv "$root/root/systemd" "$root/usr/lib/systemd/systemd"
	labctl create
}

@test "a container whose first process fails: the failure shows what it printed" {
	local root=$LABCTL_STATE/labs/lab/nodes/node1/root

	lxc destroy lab-node1
	inside mv "$root/usr/sbin/init" "$root/usr/sbin/init.away"
	run -40 labctl create
	echo "$output"
	[[ $output == *"node1 did not come up: domain 'lab-node1' is shut off"* ]]
	[[ $output == *"-- console of lab-node1, started again"*"container-init: "*"/sbin/init: not found"* ]]
	inside mv "$root/usr/sbin/init.away" "$root/usr/sbin/init"
	labctl create
}

@test "another host key is refused, with the path of the pinned one" {
	local keys=$LABCTL_STATE/labs/lab/nodes

	cp "$keys/node2/host_key.pub" "$WORK/key"
	cp "$keys/node1/host_key.pub" "$keys/node2/host_key.pub"
	run -10 labctl exec 2 -- true
	[[ $output == *"host key: changed"* && $output == *"nodes/node2/host_key.pub"* ]]
	cp "$WORK/key" "$keys/node2/host_key.pub"
	labctl exec 2 -- true
}

@test "an unknown time zone or locale fails the node before anything is written" {
	for key in "timezone: Mars/Phobos" "locale: klingon"; do
		printf '%s\n' 'lab: zone' 'nodes: 1' "tuning: {$key}" >"$WORK/zone.yaml"
		run -20 labctl -f "$WORK/zone.yaml" create
		[[ $output == *"unknown "*"${key#*: }"* && $output == *"correct tuning.${key%%:*} in the lab file"* ]]
		run ! labctl -l zone exec 1 -- grep -E 'Mars|klingon' /etc/timezone /etc/default/locale
	done
	labctl -l zone destroy
}

@test "a lab can be completed, not changed; KVM that cannot work is refused first" {
	run -5 labctl --hypervisor qemu create
	[[ $output == *"hypervisor has lxc, wanted qemu"* ]]
	if ! grep -qwE 'vmx|svm' /proc/cpuinfo || [ ! -w /dev/kvm ]; then
		run -6 labctl -l kvm --hypervisor kvm create 1
		[ ! -e "$LABCTL_STATE/labs/kvm" ]
	fi
	run -40 labctl -l none --connect qemu:///nonsense create 1
	[ ! -e "$LABCTL_STATE/labs/none" ]
	run -4 labctl bootstrap pgxc --source "$WORK/missing.tar.gz"
	run ! grep -q 'kind: pgxc' "$LABCTL_STATE/labs/lab/lab.yaml"
}

@test "create refuses domains and networks with labctl's names but without its tag, and destroy keeps them" {
	mkdir -p "$WORK/export/node1"
	echo precious >"$WORK/export/node1/file"
	printf 'lab: mine\nnodes: 2\ndata: {export_root: %s}\n' "$WORK/export" >"$WORK/mine.yaml"
	echo "<domain type='lxc'><name>mine-node2</name><memory>65536</memory><os><type>exe</type><init>/bin/true</init></os></domain>" >"$WORK/domain.xml"
	lxc define "$WORK/domain.xml"
	run -5 labctl -f "$WORK/mine.yaml" create
	[[ $output == *"mine-node2' exists and was not made by labctl"* && $output == *"is not empty and was not made by labctl"* ]]
	run -0 labctl -l mine destroy
	[[ $output == *"left alone"* ]]
	[ "$(cat "$WORK/export/node1/file")" = precious ]
	lxc undefine mine-node2
	rm -r "$WORK/export"
}

@test "a lab's directory that is a link is not followed" {
	mkdir -p "$WORK/theirs/sub"
	ln -s "$WORK/theirs" "$LABCTL_STATE/labs/linked"
	run -5 labctl -l linked create 1
	run -5 labctl -l linked destroy
	[ -d "$WORK/theirs/sub" ]
	rm "$LABCTL_STATE/labs/linked"
}

@test "after a failed build, the lab can still get another kind" {
	mkdir "$WORK/broken" && echo 'exit 1' >"$WORK/broken/configure"
	tar -C "$WORK" -czf "$WORK/broken.tar.gz" broken
	run ! labctl bootstrap pgxc --source "$WORK/broken.tar.gz"
	[[ $output == *"next: "* ]]
	[ "$(labctl --json list | jq -r '.labs[0].kind')" = "" ]
	run -0 labctl -n bootstrap postgres
}

@test "a source without --source: no network, a broken connection, a changed archive, a file of its name" {
	# An archive that is no software: what is done with it is done when its build fails, or there is no image to build it in.
	local name=pgxc-$SANDBOX.tar.gz cache=${LABCTL_CACHE:-/var/cache/labctl}/downloads
	export LABCTL_CONFIG=$WORK/config.yaml
	: >"$LABCTL_CONFIG"
	mkdir -p "$WORK/here" "$WORK/source" && cd "$WORK/here"
	run -1 labctl bootstrap pgxc
	[[ $output == *"next: put pgxc-v1.0.2.tar.gz (https://downloads.sourceforge.net/"*"into this directory or \$LABCTL_SOURCES"*"or labctl bootstrap pgxc --source FILE"* ]]
	head -c 3000000 /dev/urandom >"$WORK/source/data" && echo 'exit 1' >"$WORK/source/configure"
	tar -C "$WORK" -czf "$WORK/$name" source
	# shellcheck disable=SC2016  # the inner shell's
	inside sh -c 'echo $$ >"$0/server"; exec "$@"' "$WORK" "$HTTP_SERVER" "$WORK/$name" "$WORK/asked" 1000000 1 3>&- &
	for _ in $(seq 100); do [ ! -s "$WORK/asked" ] || break; sleep 0.1; done
	echo "sources: {pgxc: http://127.0.0.1:$(head -n 1 "$WORK/asked")/$name}" >"$LABCTL_CONFIG"
	# The connection breaks once: the rest is asked for, and no half file is left.
	run ! labctl bootstrap pgxc
	[[ $output != *"SHA-256 differs"* ]]
	[ "$(sed -n '2,$p' "$WORK/asked" | tr '\n' ' ')" = "0 1000000 " ]
	cmp "$WORK/$name" "$cache"/*-"$name"
	[ -z "$(find "$cache" -name "*-$name.part*")" ]
	grep -qx "$(sha256sum <"$WORK/$name" | cut -d' ' -f1)  http://127.0.0.1:.*/$name" "$LABCTL_STATE"/sources/*-"$name"
	# The cache is emptied, and the archive at the URL is another one.
	rm "$cache"/*-"$name"
	printf X | dd of="$WORK/$name" bs=1 seek=2000000 conv=notrunc status=none
	run -1 labctl bootstrap pgxc
	[[ $output == *"SHA-256 differs: wanted "*" (as when it was first used), found "*"rm $LABCTL_STATE/sources/"*"-$name accepts the new one"* ]]
	[ -z "$(find "$cache" -name "*-$name*" ! -name '*.lock')" ]
	inside kill "$(<"$WORK/server")"
	# A file of that name, too, must be the archive that was first used; then it is taken without the server.
	cp "$WORK/$name" .
	run -1 labctl bootstrap pgxc
	[[ $output == *"$PWD/$name: SHA-256 differs"* ]]
	rm "$LABCTL_STATE"/sources/*-"$name"
	chmod 666 "$name"
	run -1 labctl bootstrap pgxc
	[[ $output == *"./$name is not used"*"writable by others"*"next: put $name"* ]]
	mkdir "$WORK/archives" && tar -C "$WORK" -czf "$WORK/archives/$name" source
	LABCTL_SOURCES=$WORK/archives run ! labctl bootstrap pgxc
	grep -q "^$(sha256sum <"$WORK/archives/$name" | cut -d' ' -f1) " "$LABCTL_STATE"/sources/*-"$name"
	[ "$(labctl --json list | jq -r '.labs[0].kind')" = "" ]
	rm -rf "$cache"/*-"$name"* "$LABCTL_STATE/sources"
}

@test "software is not built for a node that is lost" {
	mkdir -p "$WORK/long" && printf '#!/bin/sh\nsleep 600\n' >"$WORK/long/configure" && chmod +x "$WORK/long/configure"
	tar -C "$WORK" -czf "$WORK/long.tar.gz" long
	lxc destroy lab-node2
	DEADLINE=30
	run -40 labctl bootstrap pgxc --source "$WORK/long.tar.gz"
	[[ $output == *"lab-node2' is shut off"* && $output == *" not run"* ]]
	labctl create
}

@test "interrupted: exit 130, and the next create continues" {
	run -130 inside timeout --foreground --preserve-status -s INT 0.4 "$LABCTL" -l stopped create 2
	labctl -l stopped create 2
	labctl -l stopped destroy
	run -4 labctl -l stopped destroy
}

@test "a damaged or lost record: list shows the others, destroy uses libvirt's tags" {
	labctl -l damaged create 1
	echo 'lab: [' >"$LABCTL_STATE/labs/damaged/lab.yaml"
	run -0 labctl list
	[[ $output == *"damaged/lab.yaml"* && $output == *"lxc"* ]]
	labctl -l damaged destroy
	labctl -l lost create 1
	inside sh -c "umount -l $LABCTL_STATE/labs/lost/nodes/*/root && rm -r $LABCTL_STATE/labs/lost"
	env -u LABCTL_HYPERVISOR LABCTL_YES=1 "$SOURCE_DIR/tests/support/sandbox" --keep "$SANDBOX" run "$LABCTL" -l lost destroy
	run lxc list --all
	[[ $output != *lost-node1* && $output != *damaged-node1* ]]
}

@test "two state directories: a lab of the same name belongs to the other one, which messages name" {
	run -5 env LABCTL_STATE="$WORK/second" "$SOURCE_DIR/tests/support/sandbox" --keep "$SANDBOX" run "$LABCTL" -l lab create 1
	[[ $output == *"belongs to lab 'lab' of the state directory $LABCTL_STATE"* && $output == *"LABCTL_STATE=$LABCTL_STATE labctl -l lab"* ]]
	[ ! -e "$WORK/second/labs/lab" ]
	[ -z "$(ls "$WORK/second/leases" 2>/dev/null)" ]
	run -5 env LABCTL_STATE="$WORK/second" "$SOURCE_DIR/tests/support/sandbox" --keep "$SANDBOX" run "$LABCTL" -l lab destroy
	[[ $output == *"belongs to lab 'lab' of the state directory $LABCTL_STATE"* ]]
	labctl -l lab exec -- true
}

@test "destroy of a half-removed lab succeeds, and leaves the host as it was" {
	lxc destroy lab-node1
	lxc undefine lab-node1
	lxc net-destroy labctl-lab
	inside umount -l "$LABCTL_STATE/labs/lab/nodes/node2/root"
	rm -rf "$LABCTL_STATE/labs/lab/data/node1"
	labctl -l lab destroy
	host_state after
	same_host before after
	run -4 labctl -l lab destroy
}
