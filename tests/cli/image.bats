# SPDX-License-Identifier: PostgreSQL
# labctl image: import, list, errors, removal. Disks are real; no machines are needed.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache LABCTL_YES=1
	cd "$BATS_TEST_TMPDIR" || exit 1
	# A disk with code in its first sector, and the mark at its end.
	truncate -s 1M small.img
	printf '\xeb\xfe' | dd of=small.img conv=notrunc status=none
	printf '\x55\xaa' | dd of=small.img bs=1 seek=510 conv=notrunc status=none
}

labctl() { "$LABCTL" "$@"; }

# A lab's record, as far as images are concerned.
record() {
	mkdir -p "$LABCTL_STATE/labs/$1"
	printf 'lab: %s\nnodes: 1\nnetwork: {subnet: 10.88.0.0/24}\nimage: {stored: %s, boot: bios, seed: nocloud}\n' \
		"$1" "$2" >"$LABCTL_STATE/labs/$1/lab.yaml"
}

@test "import: stored by name with its properties; a second import changes nothing" {
	run -0 --separate-stderr labctl --json image import rocky9-small small.img --release rocky9
	id=$(sha256sum <small.img | cut -c1-12)
	jq -e --arg id "$id" --arg file "$PWD/small.img" '.images | length == 1 and (.[0] | .image == "rocky9-small" and
		.release == "el9" and .family == "el7plus" and .digest == $id and .boot == "bios" and .source == $file and
		.labs == [] and .bytes > 0 and .current)' <<<"$output"
	run -0 --separate-stderr labctl --json image list
	[ "$(jq -r '.images[].digest' <<<"$output")" = "$id" ]
	run -0 --separate-stderr labctl --json image show rocky9-small
	[ "$(jq -r .seed <<<"$output")" = nocloud ]
	run -0 labctl image import rocky9-small small.img --release el9
	[ "$(find cache/images -name disk.qcow2 | wc -l)" = 1 ]
}

@test "a disk without code for BIOS is noted as one for UEFI" {
	printf '\0\0' | dd of=small.img conv=notrunc status=none
	labctl image import efi small.img
	run -0 --separate-stderr labctl --json image show efi
	[ "$(jq -r .boot <<<"$output")" = uefi ]
}

@test "import refuses disks that cannot boot, and leaves nothing" {
	qemu-img create -q -f qcow2 -F raw -b "$PWD/small.img" part.qcow2
	run -6 labctl image import part part.qcow2
	[[ $output == *"is only a part"* ]]
	qemu-img convert -O qcow2 small.img whole.qcow2
	truncate -s 100K whole.qcow2
	run ! labctl image import cut whole.qcow2
	[[ $output == *"damaged or truncated"* ]]
	run ! labctl image import small small.img --sha256 "$(printf '%064d' 7)"
	[[ $output == *0000007* ]]
	run -2 labctl image import Big/Name small.img
	[[ $output == *"is not a valid image name"* ]]
	run -2 labctl image import x small.img --release rocki9
	[[ $output == *"unknown release"* ]]
	run -4 labctl image import x missing.img
	[ -z "$(find cache/images -mindepth 1 ! -name '*.lock')" ]
}

@test "lab files can name stored images, but not unknown ones" {
	labctl image import rocky9 small.img
	run -0 labctl plan create 1 --image rocky9
	[[ $output == *"image rocky9"* ]]
	printf 'image: rocky8\n' >lab.yaml
	run -3 labctl -f lab.yaml plan create 1
	[[ $output == *"did you mean rocky9?"* ]]
}

@test "rm: not while a lab uses it; then it is gone" {
	labctl image import rocky9 small.img
	record one rocky9
	run -5 labctl image rm rocky9
	[[ $output == *"is in use by one"* ]]
	# A lab with another digest does not use this image.
	printf '%064d\n' 1 >state/labs/one/image
	run -0 labctl -n image rm rocky9
	[[ $output == *"would remove"* ]]
	compgen -G "cache/images/rocky9-*" >/dev/null
	run -0 labctl image rm rocky9
	[ -z "$(ls cache/images)" ]
	run -4 labctl image rm rocky9
}

@test "gc removes images without name and recipe and left-overs of killed runs, nothing in use" {
	labctl image import rocky9 small.img
	cp -r cache/images/rocky9-* "cache/images/old-$(sha256sum <small.img | cut -c1-12)"
	rm cache/images/old-*/about
	mkdir cache/images/.dead.install cache/images/.busy.install
	exec 9>cache/images/.busy.lock
	flock 9
	sha256sum <small.img | cut -d' ' -f1 >digest
	record one rocky9
	cp digest state/labs/one/image
	run -0 labctl image gc
	compgen -G "cache/images/old-*" >/dev/null # of the same digest as what lab `one` stands on
	[ ! -e cache/images/.dead.install ]
	[ -d cache/images/.busy.install ]
	rm -r state/labs/one
	run -0 labctl -n image gc
	[[ $output == *old* && $output != *rocky9* ]]
	compgen -G "cache/images/old-*" >/dev/null
	run -0 labctl image gc
	[ -z "$(compgen -G "cache/images/old-*")" ]
	compgen -G "cache/images/rocky9-*" >/dev/null
}

# What labctl create records of a state directory whose labs use images of the cache.
claim() {
	mkdir -p cache/users
	ln -s "$1" "cache/users/$(printf %s "$1" | sha256sum | cut -c1-12)"
}

@test "a cache of two state directories: rm and gc keep images of the other's labs" {
	labctl image import rocky9 small.img
	LABCTL_STATE=$PWD/other record two rocky9
	claim "$PWD/other"
	claim "$PWD/taken away"
	run -5 labctl image rm rocky9
	[[ $output == *"in use by two ($PWD/other)"*"next: LABCTL_STATE=$PWD/other labctl -l two destroy"* ]]
	run -0 labctl image list
	[[ $output == *"two ($PWD/other)"* ]]
	# No recipe and no name any more, but a node's disk uses it.
	rm cache/images/rocky9-*/about
	sha256sum <small.img | cut -d' ' -f1 >other/labs/two/image
	run -0 labctl image gc
	compgen -G "cache/images/rocky9-*" >/dev/null
	[ "$(ls cache/users | wc -l)" = 1 ]
	# And the other way round.
	LABCTL_STATE=$PWD/other run -0 labctl image list
	[[ $output == *two* && $output != *"two ("* ]]
	rm -r other
	run -0 labctl image gc
	[ -z "$(compgen -G "cache/images/rocky9-*")" ]
	[ -z "$(ls cache/users)" ]
}

@test "install: missing and wrong things are reported first" {
	run -2 labctl image install x --kickstart el9
	[[ $output == *"missing --media FILE|URL; usage: labctl image install NAME --kickstart RELEASE --media FILE|URL"* ]]
	run -2 labctl image install x --kickstart rocki9 --media a.iso
	[[ $output == *"unknown release 'rocki9'"* ]]
	run -2 labctl image install x --kickstart el9 --media netboot
	[[ $output == *"from its ISO"* ]]
	run -2 labctl image install x --kickstart el9 --media a.iso --disk huge
	[[ $output == *"is not a size"* ]]
	run -2 labctl image install x --kickstart el9 --media a.iso --hypervisor lxc
	run -4 labctl image install x --kickstart el9 --media a.iso
	truncate -s 1M a.iso
	run -6 labctl image install x --kickstart el9 --media a.iso
	[[ $output == *"is not an ISO image"* ]]
	[ -z "$(find cache/images -mindepth 1 ! -name '*.lock')" ]
}

@test "install -n prints the installer's answers, with values of the lab file" {
	printf 'tuning: {timezone: Asia/Shanghai}\n' >lab.yaml
	for release in el5 el6 el7 el8 el9 el10; do
		run -0 labctl -n -f lab.yaml image install x --kickstart "$release" --media a.iso
		[[ $output == *"Asia/Shanghai"* && $output == *poweroff* ]]
	done
	[ ! -e cache ]
}

@test "install: ksvalidator, if installed, checks with the grammar of the release" {
	command -v ksvalidator >/dev/null || skip "ksvalidator is not installed"
	cp -r "$SOURCE_DIR"/{kickstart,tuning,domains} .
	printf 'tuning: {profile: classic, ntp_server: 10.0.0.1}\ncluster: {kind: postgres}\n' >lab.yaml
	for release in el5 el6 el7 el8 el9 el10; do
		LABCTL_DATA=$PWD run -0 labctl -n -f lab.yaml image install x --kickstart "$release" --media a.iso
	done
	# labctl's own check knows the option, not what it may be set to.
	sed -i 's/^bootloader --location=mbr/bootloader --location=somewhere/' kickstart/el9.ks.in
	LABCTL_DATA=$PWD run -1 labctl -n image install x --kickstart el9 --media a.iso
	[[ $output == *"ksvalidator reports errors in the kickstart for el9"*"| "*"line "*somewhere* ]]
	LABCTL_DATA=$PWD run -0 labctl -n image install x --kickstart el8 --media a.iso
	compgen -G "/tmp/labctl-ks.*" >left || true
	[ ! -s left ]
}

@test "doctor: requirements of images" {
	run -6 --separate-stderr env PATH=/nowhere "$LABCTL" --json doctor
	for need in "archives|tar" "disks|qemu-utils"; do
		jq -e --arg what "${need%|*}" --arg remedy "apt-get install ${need#*|}" \
			'.checks[] | select(.check == $what) | .found == "not installed" and .remedy == $remedy' <<<"$output"
	done
	jq -e '.checks[] | select(.check == "images that boot by UEFI")' <<<"$output"
	jq -e '.checks[] | select(.check == "kickstart grammar") | .result == "pass"' <<<"$output"
}

@test "doctor: the mirrors of images, and their security updates" {
	found() { "$LABCTL" --json doctor 2>/dev/null | jq -r '.checks[] | select(.check == "Debian'"'"'s packages") | "\(.result) \(.found)"'; }
	[ "$(LABCTL_MIRROR="http://a/debian http://a/debian-security" found)" = "pass mirror of LABCTL_MIRROR, with security updates" ]
	[ "$(LABCTL_MIRROR=http://a/debian found)" = "warn no security updates: no source has them" ]
	command -v apt-get >/dev/null || skip "no apt-get"
	# The suite of an image need not be the host's, and third parties' sources are none of Debian's.
	mkdir -p apt/lists/partial
	cat >apt/sources.list <<-'END'
		deb [trusted=yes] http://a/debian bookworm main
		deb [trusted=yes] http://a/debian bookworm-updates main
		deb [trusted=yes] http://a/debian bookworm-backports main
		deb [trusted=yes] http://b/apt bookworm-pgdg main
		deb [trusted=yes] http://c/node nodistro main
		deb [trusted=yes] http://a/debian-security bookworm-security main
	END
	# apt lists only what it has downloaded.
	for list in a_debian_dists_bookworm{,-updates,-backports} b_apt_dists_bookworm-pgdg c_node_dists_nodistro \
		a_debian-security_dists_bookworm-security; do
		echo "Package: x" >"apt/lists/${list}_main_binary-$(dpkg --print-architecture)_Packages"
	done
	printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "/nowhere";\nDir::State::lists "%s";\n' \
		"$PWD/apt/sources.list" "$PWD/apt/lists" >apt.conf
	APT_CONFIG=$PWD/apt.conf run -0 bash "$SOURCE_DIR/kickstart/build-image" --release debian13 --sources
	printf '%s\n' "deb http://a/debian trixie main" "deb http://a/debian trixie-updates main" \
		"deb http://a/debian-security trixie-security main" | sort >expected
	sed 's,/ , ,' <<<"$output" | sort | diff - expected
}

@test "data for cloud-init is valid by its schema" {
	command -v cloud-init >/dev/null || skip "cloud-init is not installed"
	for more in "" "cluster: {kind: citus}" "network: {domain: x.test, hostname: 'db@{index}'}"; do
		printf 'image: ./small.img\nnodes: 2\n%s\n' "$more" >lab.yaml
		rm -rf out
		labctl -f lab.yaml render -o out
		cloud-init schema --config-file out/nodes/node2/files/user-data
	done
}

@test "image: number of arguments" {
	run -2 labctl image lst
	[[ $output == *"did you mean 'image list'?"* ]]
	run -2 labctl image
	run -2 labctl image import one
	[[ $output == *"missing FILE|URL; usage: labctl image import NAME FILE|URL"* ]]
	run -2 labctl image list one
	[[ $output == *"unexpected argument 'one'; usage: labctl image list"* ]]
}

@test "in a sandbox without a mirror, a missing image is refused at once, with the command to build it outside" {
	run -4 env LABCTL_SANDBOX=private timeout 60 "$LABCTL" image build debian12-build
	[[ $output == *"image 'debian12-build': not built yet, and the sandbox 'private' cannot reach a mirror"* ]]
	[[ $output == *"next: labctl image build debian12-build, outside the sandbox"* ]]
	[ ! -e cache/log/image-debian12-build.log ]
}
