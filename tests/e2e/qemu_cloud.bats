# SPDX-License-Identifier: PostgreSQL
# Two emulated machines from a cloud image that was not made for labctl, PostgreSQL on them, and a clean host after destroy;
# and disks that cannot become nodes.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	CLOUD=${LABCTL_CACHE:-/var/cache/labctl}/test/debian12-cloud.qcow2
	[ -e "$CLOUD" ] || {
		echo "make it first, outside of any sandbox: tests/support/cloud-image" >&2
		return 1
	}
	labs_up cloud
	# A cache of the test's own, empty at first and removed at the end.
	export CLOUD LABCTL_HYPERVISOR=qemu LABCTL_CACHE=$WORK/cache
	serve
	cat >"$WORK/lab.yaml" <<-EOF
		lab: cloud
		nodes: 2
		image:
		  source: http://127.0.0.1:$(head -n 1 "$WORK/asked")/debian.qcow2
		  sha256: $(sha256sum "$CLOUD" | cut -d' ' -f1)
		defaults: {disk: 4GiB}
	EOF
	host_state before
}

# The image by HTTP, from a server that breaks off at 100 MB, as often as labctl tries in one run.
serve() {
	DEADLINE=3600 inside "$HTTP_SERVER" "$CLOUD" "$WORK/asked" 100000000 5 3>&- &
	echo $! >"$WORK/server"
	for _ in $(seq 100); do
		[ -s "$WORK/asked" ] && return
		sleep 0.1
	done
	return 1
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	kill "$(<"$WORK/server")" || true
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

@test "a file that is not a disk is refused, and its type named" {
	gzip -c "$SOURCE_DIR/README.md" >"$WORK/disk.img"
	run -6 --separate-stderr labctl -l bad create 1 --image "$WORK/disk.img"
	[[ $stderr == *"gzip archive: unpack it first"* ]]
	labctl -l bad destroy
	run ! labctl -l bad create 1 --image "$WORK/nowhere.img"
	[[ $output == *"image $WORK/nowhere.img"*"No such file"* ]]
	[ -z "$(inside virsh -q -c qemu:///system list --all --name)" ]
	labctl -l bad destroy
}

# The partitions and the EFI partition of the image, without its system.
@test "a disk for another processor is recognized by its EFI partition and refused" {
	qemu-img dd -O raw bs=1M count=18 if="$CLOUD" of="$WORK/x64.img"
	labctl image import x64 "$WORK/x64.img"
	LC_ALL=C sed 's/BOOTX64 EFI/BOOTAA64EFI/' "$WORK/x64.img" >"$WORK/cloud-x86_64.img"
	run -6 labctl -l arm create 1 --image "$WORK/cloud-x86_64.img"
	[[ $output == *"is for aarch64, and this host's machines are x86_64: its disk has a boot loader BOOTAA64.EFI"* ]]
	labctl -l arm destroy
	[ "$(ls "$LABCTL_CACHE/images")" = "x64-$(sha256sum "$WORK/x64.img" | cut -c1-12)" ]
	labctl image rm x64
}

@test "nodes that need NFS version 3 get no server without it" {
	[ "$(inside awk '$1 == "nodev" && $2 == "nfsd"' /proc/filesystems)" = "" ] || skip "this host's kernel has an NFS server"
	printf 'lab: five\nimage: {source: x64.img, boot: uefi, seed: labctl, release: el5}\n' >"$WORK/five.yaml"
	run -6 labctl -f "$WORK/five.yaml" create
	[[ $output == *"nodes of el5 mount NFS version 3, which only the kernel's server supports"*"next: apt-get install nfs-kernel-server"* ]]
	[ -z "$(inside virsh -q -c qemu:///system list --all --name)" ]
	labctl -l five destroy
}

@test "an image by HTTP: an interrupted download is kept and continued" {
	run ! labctl -f "$WORK/lab.yaml" create
	[[ $output == *"run the same command again: 97656 KiB are kept"* ]]
	[ "$(stat -c %s "$LABCTL_CACHE"/downloads/*.part)" = 100000000 ]
	[ -z "$(inside virsh -q -c qemu:///system list --all --name)" ]
}

@test "create downloads the rest, boots twice and waits for cloud-init" {
	labctl --timings -f "$WORK/lab.yaml" create
	[ "$(sed 1d "$WORK/asked" | uniq -c | xargs)" = "1 0 5 100000000" ]
	labctl -l cloud exec -- 'grep -q NoCloud /run/cloud-init/result.json && test "$(hostname -f)" = "$(hostname).lab.internal"'
	labctl -l cloud exec -- 'test "$(df --output=size -BM / | tail -n 1 | tr -dc 0-9)" -gt 3500'
	labctl -l cloud exec -- 'findmnt -no FSTYPE /data | grep -q nfs4 && ping -c 1 -W 10 node1 && ping -c 1 -W 10 node2'
	labctl -l cloud status
}

@test "the image is in use, also as seen from another state directory" {
	LABCTL_STATE=$WORK/elsewhere run -5 labctl image rm debian
	[[ $output == *"in use by cloud ($LABCTL_STATE)"* ]]
	LABCTL_STATE=$WORK/elsewhere labctl image gc
	[ -e "$LABCTL_CACHE"/images/debian-*/disk.qcow2 ]
}

@test "a second create changes nothing" {
	run -0 --separate-stderr labctl --json -f "$WORK/lab.yaml" create
	jq -r '.steps[] | select(.state == "done" or .state == "failed") | .id + ": " + .state + " " + (.notes // "")' <<<"$output"
	[ "$(jq '[.steps[] | select(.state == "done")] | length' <<<"$output")" = 0 ]
}

@test "bootstrap postgres with the packages of the image" {
	labctl --timings -l cloud bootstrap postgres
	labctl -l cloud psql node1 -- -qc 'CREATE TABLE e2e AS SELECT generate_series(1, 1000) n'
	for _ in $(seq 100); do
		got=$(labctl -l cloud psql node2 -- -Atc "SELECT count(*) FROM e2e" 2>/dev/null || true)
		[ "$got" = 1000 ] && break
		sleep 0.2
	done
	[ "$got" = 1000 ]
}

# Both run Python on an emulated processor, so each gets its own node.
@test "cloud-init's schema accepts labctl's data; failures of cloud-init are reported" {
	labctl -l cloud exec node1 -- 'cloud-init schema --system' >"$WORK/schema" 2>&1 3>&- &
	labctl -l cloud exec node2 -- 'printf "#!/bin/sh\nexit 3\n" >/var/lib/cloud/scripts/per-boot/wrong &&
		chmod +x /var/lib/cloud/scripts/per-boot/wrong && { cloud-init modules --mode=final || true; }'
	wait $! || { cat "$WORK/schema" && false; }
	run ! grep rror "$WORK/schema"
	run ! labctl -l cloud create
	[[ $output == *"node2: cloud-init finished with 1 error"*scripts-per-boot* ]]
}

@test "a disk without a boot loader: refused when its boot sector is read (BIOS), reported by the firmware (UEFI)" {
	truncate -s 64M "$WORK/empty.img"
	printf '\x55\xaa' | dd of="$WORK/empty.img" bs=1 seek=510 conv=notrunc status=none
	run -6 labctl -l empty create 1 --image "$WORK/empty.img"
	[[ $output == *"no boot loader for BIOS"* ]]
	labctl -l empty destroy
	printf 'lab: empty\nimage: {source: empty.img, boot: uefi}\n' >"$WORK/empty.yaml"
	sed 's/^lab:.*/lab: uefi/; s/^nodes:.*/nodes: 1/; s/^image:/&\n  boot: uefi/' "$WORK/lab.yaml" >"$WORK/uefi.yaml"
	labctl --timeout 200 -f "$WORK/uefi.yaml" create >"$WORK/uefi.log" 2>&1 3>&- &
	local uefi=$!
	run ! labctl -f "$WORK/empty.yaml" create
	[[ $output == *"its disk has no boot loader for UEFI"* ]]
	labctl -l empty destroy
	for _ in $(seq 600); do
		grep -aqs 'efi: EFI v' "$LABCTL_STATE/labs/uefi/nodes/node1/console.log" && break
		sleep 0.2
	done
	grep -aq 'efi: EFI v' "$LABCTL_STATE/labs/uefi/nodes/node1/console.log"
	# That suffices: without its machine, labctl gives up.
	inside virsh -q -c qemu:///system destroy uefi-node1
	wait "$uefi" || true
	labctl -l uefi destroy
}

@test "destroy leaves nothing" {
	labctl -l cloud destroy
	rmdir "$LABCTL_STATE/labs" || true
	host_state after
	same_host before after
}
