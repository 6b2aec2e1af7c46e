# SPDX-License-Identifier: PostgreSQL
# Two emulated machines with their data directories on a real NFS mount, PostgreSQL on them, and a clean host after destroy.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up qemu
	export LABCTL_HYPERVISOR=qemu
	as_on_a_host
	host_state before
}

# As libvirt does by default: machines run as a user of their own, to whom libvirt gives their files.
as_on_a_host() {
	chmod 0711 "$WORK"
	inside bash -s <<-'END'
		set -eu
		echo 'security_driver = "none"
		user = "libvirt-qemu"
		group = "libvirt-qemu"
		cgroup_controllers = [ ]
		namespaces = [ ]' >/etc/libvirt/qemu.conf
		pid=$(</run/libvirt/libvirtd.pid)
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		rm -f /run/libvirt/libvirtd.pid
		libvirtd --daemon --pid-file /run/libvirt/libvirtd.pid
	END
}

# Prints the files of images that are not root's, or that others may write.
given_away() {
	find "${LABCTL_CACHE:-/var/cache/labctl}"/images/debian* -maxdepth 1 -type f \( ! -user root -o -perm /022 \) -print
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	source "$SOURCE_DIR/tests/support/live.bash"
}

@test "create 2 boots emulated machines and mounts their data directories over NFSv4" {
	labctl --timings create 2
	labctl exec -- 'findmnt -no FSTYPE,OPTIONS /data | grep -q "^nfs4 .*hard.*proto=tcp" && grep -q " /data nfs" /etc/fstab'
	labctl exec -- 'echo "$(hostname)" > /data/hello'
	[ "$(cat "$LABCTL_STATE"/labs/lab/data/node2/hello)" = node2 ]
}

@test "machines run as a user of their own, who owns nothing of the image" {
	local dir=$LABCTL_STATE/labs/lab/nodes/node1

	[ "$(stat -c %U "$dir/disk.qcow2" "$dir/vmlinuz" "$dir/initrd.img" "$dir/seed.img" | uniq -c | xargs)" = "4 libvirt-qemu" ]
	inside sh -c 'for p in /proc/[0-9]*; do case $(readlink $p/exe) in */qemu-system-*) stat -c %U $p;; esac; done' >"$WORK/users"
	[ "$(uniq -c "$WORK/users" | xargs)" = "2 libvirt-qemu" ]
	[ -z "$(given_away)" ]
}

@test "a second create changes nothing" {
	run -0 --separate-stderr labctl --json create 2
	jq -r '.steps[] | select(.state == "done" or .state == "failed") | .id + ": " + .state + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "kernel settings are applied" {
	labctl exec -- 'test "$(cat /proc/sys/kernel/shmmni)" = 4096 && test "$(cat /proc/sys/vm/overcommit_memory)" -ge 0'
}

@test "bootstrap postgres with its data on NFS" {
	labctl --timings bootstrap postgres
	labctl psql node1 -- -qc 'CREATE TABLE e2e (n int)' -c 'INSERT INTO e2e SELECT generate_series(1, 1000)'
	for _ in $(seq 100); do
		got=$(labctl psql node2 -- -Atc "SELECT count(*) FROM e2e" 2>/dev/null || true)
		[ "$got" = 1000 ] && break
		sleep 0.2
	done
	[ "$got" = 1000 ]
}

@test "a machine obeys its power button, which the host's shutdown presses, and ends its servers cleanly" {
	inside virsh -q -c qemu:///system shutdown lab-node1
	begun=$SECONDS
	until [ "$(inside virsh -c qemu:///system domstate lab-node1 | head -n 1)" = "shut off" ]; do
		sleep 1
		((SECONDS - begun < 60))
	done
	labctl start
	[ "$(labctl psql node1 -- -Atc 'SELECT count(*) FROM e2e')" = 1000 ]
	# Not "was interrupted".
	[[ $(labctl logs 1 -r primary | grep -o 'database system was .*' | tail -n 1) == "database system was shut down at "* ]]
}

# milliseconds of a ping from node1 to node2
round_trip() { labctl exec 1 -- 'ping -q -c 3 -i 0.3 node2' | sed -n 's|.*= \([0-9]*\)[0-9.]*/\([0-9]*\).*|\2|p'; }
# how many milliseconds the clock of node2 is ahead of the host's
ahead() { echo $(($(labctl exec 2 -- date +%s%3N | awk '{ print $2 }') - $(date +%s%3N))); }
# kB/s of a write past the page cache
speed() { labctl exec 2 -- 'dd if=/dev/zero of=/data/probe bs=64k count=16 oflag=direct 2>&1 | sed -n "s/.*copied, \([0-9.]*\) s.*/\1/p"; rm /data/probe' | awk '{ print int(1024 / $2) }'; }

# By chance, and on a slow machine with few frames, one try may show nothing.
in_three() { "$@" || "$@" || "$@"; }
# -w: at its end, ping waits for twice the longest round trip, and a corrupted answer may say that one took an hour
lossy() {
	run labctl exec 1 -- 'ping -q -i 0.1 -w 6 node2'
	echo "$output"
	[[ $output =~ ([0-9.]+)%\ packet\ loss ]] && [ "${BASH_REMATCH[1]%.*}" -ge 8 ]
}
out_of_order() {
	run labctl exec 1 -- 'ping -c 80 -i 0.004 -w 10 node2 | grep -o icmp_seq=[0-9]* | cut -d= -f2'
	echo "$output" | head -n 20
	[ "$output" != "$(sort -n -k 2 <<<"$output")" ]
}

@test "faults that need machines: delay, clocks, slow and stalled data; each begins and ends" {
	labctl fault inject delay 2 --amount 300
	(($(round_trip) >= 300))
	labctl fault heal --all
	(($(round_trip) < 300))
	# two in one queue: healing one leaves the other
	labctl fault inject jitter 2 --amount 800
	labctl fault inject corrupt 2 --amount 30
	(($(round_trip) >= 50))
	labctl fault heal 1
	run -0 labctl exec 2 -- 'tc qdisc show | grep netem'
	[[ $output == *"corrupt 30%"* && $output != *jitter* && $output != *" 400ms"* ]]
	in_three lossy
	labctl fault heal --all
	labctl fault inject reorder 2 --amount 40
	in_three out_of_order
	labctl fault heal --all
	run -1 inside "$LABCTL" exec 2 -- 'tc qdisc show | grep netem'
	before=$(ahead)
	labctl fault inject clock-drift 2 --amount 100
	sleep 20
	(($(ahead) - before >= 1200))
	labctl fault heal --all
	now=$(ahead)
	((now > -2500 && now < 2500))
	labctl fault inject clock-ahead 2 --amount 3600 --for 10s
	(($(ahead) > 3500000))
	for _ in $(seq 60); do
		[ -n "$(labctl --json fault list | jq -r '.faults[].id')" ] || break
		sleep 1
	done
	now=$(ahead)
	((now > -2500 && now < 2500))
	labctl fault inject disk-slow 2 --amount 200
	(($(speed) < 500))
	labctl fault heal --all
	(($(speed) > 500))
	labctl fault inject disk-stall 2 --for 10s
	begun=$SECONDS
	speed
	((SECONDS - begun >= 6))
}

@test "snapshot save while clients write, and restore: no committed row is lost, none of later is there, open files stay open" {
	local from before after last
	writer_start
	keeper_start
	from=$(acked)
	run -0 labctl snapshot save live
	[[ $output =~ "MiB are free" && $output =~ clients\ waited\ [0-9]+\.[0-9]\ s ]]
	after=$(sent)
	wait_rows 3
	keeper_works
	labctl status
	run -0 labctl --json snapshot show live
	[ "$(jq -r '"\(.form) \([.nodes[] | select(.memory_bytes > 50000000)] | length)"' <<<"$output")" = 'live 2' ]
	[ "$(stat -c %U "$LABCTL_STATE"/labs/lab/snapshots/live/memory/* | uniq -c | xargs)" = '2 root' ]
	# every row of before, and those that were committed meanwhile
	last=$(acked)
	[ "$(rows_between 0 "$last")" = "$(acked_up_to "$last")" ]
	labctl exec 2 -- 'echo junk >/data/junk'
	keeper_end
	labctl psql 1 -- -qc 'CREATE TABLE later (n int)' -c 'VACUUM FULL written' -c CHECKPOINT
	before=$(sent)
	labctl snapshot restore live
	keeper_works
	wait_rows 3
	[ "$(rows_between 0 "$from")" = "$(acked_up_to "$from")" ]
	[ "$(rows_between "$after" "$before")" = 0 ]
	[ "$(labctl psql 1 -- -XAtc "SELECT to_regclass('later') IS NULL")" = t ]
	labctl exec 2 -- '[ ! -e /data/junk ]'
	writer_stop
	replicates 2
	clock_is_right 1
	clock_is_right 2
	no_stale_handle
	labctl exec 2 -- 'pkill -f "^bash /run/kept.sh"; sleep 1; rm -rf /data/kept'
	run -0 labctl create --warm 2
	[[ $output == *"lab 'lab' does not start warm: node1 runs"* ]]
	echo "$from $after" >"$WORK/cut"
}

two() { labctl -l two "$@"; }

@test "create --from: a second lab boots from the disks and data of a live snapshot, beside the first" {
	local from after net boots got
	read -r from after <"$WORK/cut"
	boots=$(labctl exec -- cat /proc/sys/kernel/random/boot_id | sort)
	labctl --timings -l two create --from lab@live
	[ "$(two psql 1 -- -XAtc "SELECT count(*) FROM written WHERE n <= $from")" = "$(acked_up_to "$from")" ]
	[ "$(two psql 1 -- -XAtc "SELECT count(*) FROM written WHERE n > $after")" = 0 ]
	two psql 1 -- -qc 'CREATE TABLE second AS SELECT 2 AS n'
	for _ in $(seq 100); do
		got=$(two psql 2 -- -Atc "SELECT n FROM second" 2>/dev/null || true)
		[ "$got" = 2 ] && break
		sleep 0.2
	done
	[ "$got" = 2 ]
	net=$(sed -n 's/^ *subnet: \([0-9]*\.[0-9]*\.[0-9]*\.\)0.*/\1/p' "$LABCTL_STATE/labs/lab/lab.yaml")
	[ -n "$net" ]
	two exec -- "! grep -rlIF --exclude-dir=log '$net' /etc /root /data /proc/mounts /var/lib/labctl"
	# the first one has noticed nothing
	[ "$(labctl -l lab psql 1 -- -XAtc "SELECT to_regclass('second') IS NULL")" = t ]
	[ "$(labctl -l lab exec -- cat /proc/sys/kernel/random/boot_id | sort)" = "$boots" ]
	labctl -l lab status
	two destroy
	[ ! -e "$LABCTL_STATE/labs/two" ]
	labctl snapshot delete live
	[ ! -e "$LABCTL_STATE/labs/lab/snapshots" ]
}

@test "a live save is refused while a fault is in force, a node is off, or it could not be pinned; then nothing is paused" {
	labctl fault inject disk-slow 2 --amount 500
	run -5 labctl snapshot save other
	[[ $output == *"has 1 fault in force"* ]]
	labctl fault heal --all
	inside virsh -q -c qemu:///system suspend lab-node2
	run -5 labctl snapshot save other
	[[ $output == *"node2 is not running (paused"* ]]
	inside virsh -q -c qemu:///system resume lab-node2
	mkdir -p "$LABCTL_STATE/labs/lab/snapshots"
	inside mount -t tmpfs -o size=100m none "$LABCTL_STATE/labs/lab/snapshots"
	run -6 labctl snapshot save other
	[[ $output == *"its data directories are on another file system"*"--cold"* ]]
	inside umount "$LABCTL_STATE/labs/lab/snapshots"
	rmdir "$LABCTL_STATE/labs/lab/snapshots"
	[ "$(inside virsh -q -c qemu:///system list --state-running --name | grep -c '^lab-')" = 2 ]
}

@test "a live save that is interrupted while the machines stand still lets them go on" {
	run -0 inside bash -c 'exec {lines}< <(exec "$@" 2>&1 </dev/null)
		while read -r -u "$lines" line; do
			echo "$line"
			[[ $line != *"node1 "*"pause it: done"* ]] || kill -TERM $!
		done' - "$LABCTL" snapshot save other
	[[ $output == *"pause it: done"*"interrupted"*"it runs again: done"*CANCELED* ]]
	[ ! -e "$LABCTL_STATE/labs/lab/freezing" ]
	[ ! -e "$LABCTL_STATE/labs/lab/snapshots/other" ]
	[ "$(inside virsh -q -c qemu:///system list --state-running --name | grep -c '^lab-')" = 2 ]
	labctl exec -- 'cat /data/hello'
	labctl gc
	[ -z "$(ls -A "$LABCTL_STATE/labs/lab/snapshots" 2>/dev/null)" ]
}

@test "the image is root's after a machine was killed with libvirt, too" {
	inside bash -s <<-'END'
		set -eu
		for p in /proc/[0-9]*; do
			case $(readlink "$p/exe") in */qemu-system-*) machine=${p#/proc/} ;; esac
		done
		kill -9 "$(</run/libvirt/libvirtd.pid)" "$machine"
		rm -f /run/libvirt/libvirtd.pid
		libvirtd --daemon --pid-file /run/libvirt/libvirtd.pid
	END
	[ -z "$(given_away)" ]
}

@test "destroy --keep-data keeps the data and nothing else" {
	labctl destroy --keep-data
	[ -z "$(given_away)" ]
	[ -z "$(inside sh -c 'ls /var/log/libvirt/qemu | grep ^lab-node')" ]
	[ -f "$LABCTL_STATE"/labs/lab/data/node2/hello ]
	rm -rf --one-file-system "$LABCTL_STATE/labs/lab"
	rmdir "$LABCTL_STATE/labs" || true
	host_state after
	same_host before after
}
