# SPDX-License-Identifier: PostgreSQL
# `labctl collect` of a lab that has only a record: what is in the archive, what is refused.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	lab=$LABCTL_STATE/labs/one
	mkdir -p "$lab/secrets" "$lab/nodes/node1"
	printf '%s\n' 'lab: one' 'nodes: 2' 'hypervisor: qemu' 'network: {subnet: 10.88.7.0/24}' 'cluster: {kind: postgres}' >"$lab/lab.yaml"
}

labctl() { "$LABCTL" --connect test:///default "$@"; }

@test "names of archives" {
	run -2 labctl -l one collect report.zip
	[[ $output == *"report.zip: the name of an archive ends in .tar.zst, .tar.gz or .tar.xz"*"next: labctl -l one collect labctl-one-"*".tar.zst" ]]
	: >there.tar.gz
	run -5 labctl -l one collect there.tar.gz
	[[ $output == *"there.tar.gz exists"* ]]
	run -2 labctl -l one collect --since soon x.tar.gz
	run -4 labctl -l two collect x.tar.gz
	[ ! -e x.tar.gz ]
}

@test "an archive of what is there; secrets are not in it; what is missing is named" {
	printf 'Zx81Zx81Zx81' >"$lab/secrets/postgres"
	printf '%s\n' '-----BEGIN OPENSSH PRIVATE KEY-----' b3BlbnNzaC1rZXk -----END >"$lab/id_ed25519"
	printf '%s\n' '{"v":1,"t_ms":1,"run":"a","event":"run","command":"create Zx81Zx81Zx81"}' >"$lab/journal.jsonl"
	printf 'boot\nroot password is Zx81Zx81Zx81\n' >"$lab/nodes/node1/console.log"
	run -0 --separate-stderr labctl -l one collect x.tar.gz
	[[ $output == "x.tar.gz: "*" files, "*" MiB, without passwords and keys" ]]
	[[ $stderr == *"nodes/node2: is "* ]]
	[ "$(stat -c %a x.tar.gz)" = 600 ]
	tar xzf x.tar.gz
	cd labctl-one-*
	for file in README lab.yaml journal.jsonl record.txt plans/create.txt plans/bootstrap.txt versions.json config.json doctor.json \
		audit.json status.json nodes/node1/console.log rendered/manifest.json; do
		[ -s "$file" ] || { echo "no $file"; false; }
	done
	grep -q '"command":"create \*\*\*\*' journal.jsonl
	grep -q '^nodes/node2: is ' README
	grep -q 'id_ed25519$' record.txt
	run ! grep -rlE 'Zx81Zx81|b3BlbnNzaC1rZXk' .
	jq -e . audit.json doctor.json config.json status.json versions.json >/dev/null
}

@test "a secret that cannot be read: no archive, since it could not be redacted" {
	printf 'not a secret!' >"$lab/secrets/postgres"
	run -1 labctl -l one collect x.tar.gz
	[[ $output == *"a secret must contain only letters and digits"* ]]
	[ "$(find . -name 'x.tar.gz*')" = "" ]
}
