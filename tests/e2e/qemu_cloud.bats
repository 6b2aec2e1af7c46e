# SPDX-License-Identifier: PostgreSQL
# Two emulated machines from a cloud image that nobody made for labctl, PostgreSQL on them, and nothing left; and disks
# that cannot become nodes.
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
	export CLOUD LABCTL_HYPERVISOR=qemu
	cat >"$WORK/lab.yaml" <<-EOF
		lab: cloud
		nodes: 2
		image: ./debian.qcow2
		defaults: {disk: 4GiB}
	EOF
	ln -s "$CLOUD" "$WORK/debian.qcow2"
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

@test "a file that is no disk is refused, and what it is is said" {
	gzip -c "$SOURCE_DIR/README.md" >"$WORK/disk.img"
	run -6 --separate-stderr labctl -l bad create 1 --image "$WORK/disk.img"
	[[ $stderr == *"gzip archive: unpack it first"* ]]
	labctl -l bad destroy
	run ! labctl -l bad create 1 --image "$WORK/nowhere.img"
	[[ $output == *"image $WORK/nowhere.img"*"No such file"* ]]
	[ -z "$(inside virsh -q -c qemu:///system list --all --name)" ]
	labctl -l bad destroy
}

@test "a disk without a boot loader: BIOS would say nothing, so it is read; UEFI says so on the console" {
	truncate -s 64M "$WORK/empty.img"
	printf '\x55\xaa' | dd of="$WORK/empty.img" bs=1 seek=510 conv=notrunc status=none
	run -6 labctl -l empty create 1 --image "$WORK/empty.img"
	[[ $output == *"no boot loader for BIOS"* ]]
	labctl -l empty destroy
	printf 'lab: empty\nimage: {source: empty.img, boot: uefi}\n' >"$WORK/empty.yaml"
	run ! labctl -f "$WORK/empty.yaml" create
	[[ $output == *"its disk has no boot loader for UEFI"* ]]
	labctl -l empty destroy
}

@test "UEFI: the image's own boot loader starts its kernel" {
	printf 'lab: uefi\nimage: {source: %s, boot: uefi}\n' "$CLOUD" >"$WORK/uefi.yaml"
	run ! labctl -f "$WORK/uefi.yaml" --timeout 30 create
	grep -aq 'efi: EFI v' "$LABCTL_STATE/labs/uefi/nodes/node1/console.log"
	labctl -l uefi destroy
}

@test "create boots the image twice and waits for cloud-init" {
	labctl --timings -f "$WORK/lab.yaml" create
	labctl -l cloud exec -- 'grep -q NoCloud /run/cloud-init/result.json && test "$(hostname -f)" = "$(hostname).lab.internal"'
	labctl -l cloud exec -- 'test "$(df --output=size -BM / | tail -n 1 | tr -dc 0-9)" -gt 3500'
	labctl -l cloud exec -- 'findmnt -no FSTYPE /data | grep -q nfs4 && ping -c 1 -W 10 node1 && ping -c 1 -W 10 node2'
	labctl -l cloud status
}

@test "what labctl told cloud-init is valid by cloud-init's own schema" {
	run -0 labctl -l cloud exec node1 -- 'cloud-init schema --system'
	[[ $output != *rror* ]]
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

@test "what cloud-init failed at is said" {
	labctl -l cloud exec node2 -- 'printf "#!/bin/sh\nexit 3\n" >/var/lib/cloud/scripts/per-boot/wrong &&
		chmod +x /var/lib/cloud/scripts/per-boot/wrong && { cloud-init modules --mode=final || true; }'
	run ! labctl -l cloud create
	[[ $output == *"node2: cloud-init finished with 1 error"*scripts-per-boot* ]]
}

@test "destroy leaves nothing" {
	labctl -l cloud destroy
	rmdir "$LABCTL_STATE/labs" || true
	host_state after
	same_host before after
}
