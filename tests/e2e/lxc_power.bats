# SPDX-License-Identifier: PostgreSQL
# Stops and starts a lab with its database: all of it, one role, one node; a node that does not obey; a reboot of the host.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up power
	export LABCTL_HYPERVISOR=lxc
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

rows() { labctl psql 2 -- -XAtc 'SELECT count(*) FROM kept'; }
state_of() { inside virsh -q -c lxc:///system domstate "lab-node$1"; }
server_pid() { labctl exec "$1" -- head -n 1 /data/pgsql/postmaster.pid; }

# states ID: the state of a step in the document of the last run.
step() { jq -r --arg id "$1" '.steps[] | select(.id == $id).state' <<<"$output"; }

@test "before create and bootstrap: refused, or the machines only" {
	run -4 labctl start
	labctl create 2
	run -4 labctl stop -r primary
	[[ $output == *"lab 'lab' has no database yet, and so no role 'primary'"*"next: labctl -l lab bootstrap"* ]]
	run -4 labctl stop 3
	labctl stop
	[ "$(state_of 1)" = "shut off" ]
	labctl start
	labctl wait --for ssh
	run -4 labctl wait --for db
	labctl bootstrap postgres
	labctl psql 1 -- -qc 'CREATE TABLE kept AS SELECT generate_series(1, 1000) n'
}

@test "stop: the primary, then the standby, both cleanly, then the machines; start brings all back; both again change nothing" {
	run -0 --separate-stderr labctl -n stop
	[[ $output == *"standby.stop/node2"*"after all primary.stop"* ]]
	run -0 --separate-stderr labctl --json stop
	[ "$(step primary.stop/node1) $(step standby.stop/node2) $(step node.shutdown/node2)" = "done done done" ]
	[ "$(state_of 1) $(state_of 2)" = "shut off shut off" ]
	[ ! -e "$LABCTL_STATE/labs/lab/data/node1/pgsql/postmaster.pid" ]
	run -0 --separate-stderr labctl --json stop
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
	labctl start
	[ "$(rows)" = 1000 ]
	run -0 labctl exec 1 -- grep -c 'not properly shut down' /data/pgsql/log/postgresql.log || [ "$status" = 1 ]
	[[ $output == *" 0"* ]]
	labctl status
	run -0 --separate-stderr labctl --json start
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "restart of all: machines and servers, in one run" {
	# not its pid, which may be the same after a boot
	begun=$(labctl psql 1 -- -XAtc 'SELECT pg_postmaster_start_time()')
	labctl restart
	[ "$(labctl psql 1 -- -XAtc 'SELECT pg_postmaster_start_time()')" != "$begun" ]
	[ "$(rows)" = 1000 ]
}

@test "a role: its servers stop and start, nothing else does" {
	primary=$(server_pid 1)
	standby=$(server_pid 2)
	labctl restart -r standby
	[ "$(server_pid 1)" = "$primary" ]
	[ "$(server_pid 2)" != "$standby" ]
	labctl stop -r primary
	[ "$(state_of 1)" = running ]
	run -11 labctl --timeout 3 wait
	[[ $output == *" of the 2 roles of the postgres cluster "*"primary: "* ]]
	labctl start 1
	labctl wait
	[ "$(rows)" = 1000 ]
}

@test "cp: to a node, between nodes, from a node; what is not there is refused" {
	head -c 100000 /dev/urandom >"$WORK/one"
	mkdir "$WORK/dir"
	mv "$WORK/one" "$WORK/dir/a b"
	labctl cp "$WORK/dir" node1:/tmp/
	labctl cp 1:/tmp/dir 2:/tmp/there
	labctl cp node2:/tmp/there "$WORK/back"
	diff -r "$WORK/dir" "$WORK/back"
	run -2 labctl cp "$WORK/dir" "$WORK/back"
	[[ $output == *"is on a node"*"next: labctl cp FILE NODE:PATH"* ]]
	run -4 labctl cp "$WORK/dir" node9:/tmp
	run -1 labctl cp node1:/nowhere "$WORK/back"
}

@test "--now pulls the plug of one machine; start brings it back without a lost row" {
	labctl psql 1 -- -qc 'INSERT INTO kept SELECT generate_series(1001, 2000)'
	run -0 --separate-stderr labctl stop --now 1
	[ "$(state_of 1) $(state_of 2)" = "shut off running" ]
	labctl start
	labctl exec 1 -- grep -q 'not properly shut down' /data/pgsql/log/postgresql.log
	[ "$(rows)" = 2000 ]
}

@test "a node that neither answers nor obeys: the rest stops in time, exit status 12, --now ends it" {
	local init
	labctl exec 2 -- '(sleep 0.3; ip link set eth0 down 2>/dev/null || ip link set host0 down) >/dev/null 2>&1 </dev/null &'
	init=$(inside bash -c 'pgrep -P "$(cat /run/libvirt/lxc/lab-node2.pid)"')
	inside kill -STOP "$init"
	sleep 0.5
	SECONDS=0
	run -12 --separate-stderr labctl --timeout 30 stop
	[ "$SECONDS" -lt 50 ]
	[[ $stderr == *"node2 does not answer"*"stop finished in part"*"[PARTIAL]"*"next: labctl -l lab stop --now node2"* ]]
	[ "$(state_of 1) $(state_of 2)" = "shut off running" ]
	labctl stop --now node2
	[ "$(state_of 2)" = "shut off" ]
	labctl start
	[ "$(rows)" = 2000 ]
}

@test "a machine that somebody paused, undefined or renamed is named, resumed, made again, or refused" {
	labctl stop 2
	inside virsh -q -c lxc:///system undefine lab-node2
	labctl start 2
	[ "$(rows)" = 2000 ]
	labctl stop --now 2
	inside virsh -q -c lxc:///system dumpxml lab-node2 >"$WORK/node2.xml"
	inside virsh -q -c lxc:///system undefine lab-node2
	sed -i 's,<name>lab-node2<,<name>mine<,' "$WORK/node2.xml"
	inside virsh -q -c lxc:///system define "$WORK/node2.xml"
	run -5 labctl start
	[[ $output == *"node2 is now the domain 'mine': somebody has renamed 'lab-node2'"*"virsh -c lxc:///system domrename mine lab-node2"* ]]
	inside virsh -q -c lxc:///system undefine mine
}

@test "data that is not there is not made anew" {
	mv "$LABCTL_STATE/labs/lab/data/node2" "$WORK/elsewhere"
	run -4 labctl start
	[[ $output == *"the data of node2 is not in "*"mount the file system that has it"* ]]
	[ ! -e "$LABCTL_STATE/labs/lab/data/node2" ]
	mv "$WORK/elsewhere" "$LABCTL_STATE/labs/lab/data/node2"
}

@test "after a reboot of the host, start brings the lab and its database back, as the host runs it at boot" {
	labctl start
	run -0 labctl autostart
	[[ $output == *"has autostart: true"* ]]
	labctl create --autostart
	inside bash -s <<-'END'
		set -eu
		virsh() { command virsh -q -c lxc:///system "$@"; }
		for domain in $(virsh list --name); do virsh destroy "$domain"; done
		for network in $(virsh net-list --name); do virsh net-destroy "$network"; done
		pid=$(</run/libvirt/libvirtd.pid)
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		findmnt -rno TARGET | grep "^$LABCTL_STATE/" | sort -r | xargs -r umount
		rm -rf /run/libvirt/lxc /run/libvirt/network /run/libvirt/libvirtd.pid
		libvirtd --daemon --pid-file /run/libvirt/libvirtd.pid
	END
	run -30 labctl status
	run -0 labctl autostart
	[[ $output == *"lab 'lab': starting"*"start finished in"* ]]
	[ "$(rows)" = 2000 ]
	labctl status
	run -0 labctl autostart
	[[ $output == *": 0 done, "* ]]
}

@test "destroy leaves the host as it was, also of a lab that is stopped" {
	labctl stop
	labctl destroy
	run -1 inside sh -c 'ls /var/log/libvirt/lxc /run/libvirt/lxc | grep ^lab-node'
	host_state after
	same_host before after
}
