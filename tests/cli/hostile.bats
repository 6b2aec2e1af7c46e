# SPDX-License-Identifier: PostgreSQL
# Malicious arguments, files, directories and archives, and the hardening of the binary. Needs no lab.
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
}

labctl() { "$LABCTL" "$@"; }

# The output has no control characters: C0 except newline and tab, DEL, C1 in UTF-8.
harmless() { ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$1"; }

# A saved lab of two nodes with a cluster, as create leaves it.
saved() {
	mkdir -p "$LABCTL_STATE/labs/$1"
	printf '%s\n' "lab: $1" 'nodes: 2' 'hypervisor: qemu' 'network: {subnet: 10.88.7.0/24}' 'cluster: {kind: postgres}' \
		>"$LABCTL_STATE/labs/$1/lab.yaml"
}

hostile_names=('a b' "a'b" 'a"b' $'a\nb' '$(touch owned)' '`touch owned`' '../up' '..' '/etc' '-rf' 'ä' $'a\eb' $'a\xc2\x9bb' ';id' '')

@test "bad lab names on the command line, in the environment and in the lab file are refused first" {
	for name in "${hostile_names[@]}"; do
		if [ -n "$name" ]; then
			run -2 labctl -l "$name" create 1
			[[ $output == *"must be 1 to 24 of a-z, 0-9"* ]]
			harmless "$output"
			run -2 env LABCTL_LAB="$name" "$LABCTL" status
			[[ $output == *"must be 1 to 24 of a-z, 0-9"* ]]
		fi
		printf 'lab: %s\nnodes: 1\n' "$(jq -n --arg n "$name" '$n')" >lab.yaml
		run -3 labctl -f lab.yaml plan create
		harmless "$output"
	done
	[ ! -e "$LABCTL_STATE" ] && [ ! -e owned ]
}

@test "a lab's name with .. cannot reach a record elsewhere" {
	saved victim
	mv "$LABCTL_STATE/labs/victim" "$BATS_TEST_TMPDIR/elsewhere"
	mkdir -p "$LABCTL_STATE/labs"
	run -2 labctl -y -l ../../elsewhere destroy
	run -2 labctl -l ../../elsewhere status
	[ -f "$BATS_TEST_TMPDIR/elsewhere/lab.yaml" ]
}

@test "names of nodes and paths in a lab file, selectors on the command line" {
	saved lab
	for name in "${hostile_names[@]}"; do
		printf 'nodes: [{name: %s}]\n' "$(jq -n --arg n "$name" '$n')" >lab.yaml
		run -3 labctl -f lab.yaml plan create
		harmless "$output"
		printf 'nodes: 1\ndata: {export_root: %s}\n' "$(jq -n --arg n "/srv/x/$name/../.." '$n')" >lab.yaml
		run -3 labctl -f lab.yaml plan create
		harmless "$output"
		run labctl -l lab exec "$name" -- true
		[ "$status" -gt 1 ] && [ "$status" -lt 64 ]
		harmless "$output"
	done
	[ ! -e owned ]
}

@test "file names may contain any character" {
	dir=$'d $(touch owned) \'"\t\e[31m'
	mkdir -- "$dir"
	echo 'nodes: [' >"$dir/-lab.yaml"
	run -3 labctl -f "$dir/-lab.yaml" plan create
	harmless "$output"
	echo 'nodes: 2' >"$dir/-lab.yaml"
	run -0 labctl -f "$dir/-lab.yaml" plan create
	run -4 labctl -f $'no\nsuch\e[2J' plan create
	harmless "$output"
	[ ! -e owned ]
}

@test "a database's name is quoted for shell and SQL" {
	saved lab
	for name in "a'b\"c" '$(touch owned)' "'; drop database postgres; --" '../x' 'ä ö'; do
		run -0 labctl -n -l lab db create "$name"
		harmless "$output"
	done
	run -2 labctl -n -l lab db create -rf
	run -2 labctl -n -l lab db create $'a\e[31m'
	harmless "$output"
	[ ! -e owned ]
}

@test "a state directory is refused if others own it or can write to it or to one above it" {
	[ "$(id -u)" = 0 ] || skip "needs root to give a directory away"
	mkdir -p "$LABCTL_STATE" above/state above/cache mine
	chmod 0777 "$LABCTL_STATE"
	run -5 labctl list
	[[ $output == *"is writable by others"* && $output == *"next: "*"chmod go-w $LABCTL_STATE"* ]]
	chmod 0755 "$LABCTL_STATE"
	run -0 labctl list
	chown 65534 "$LABCTL_STATE"
	run -5 labctl list
	[[ $output == *"belongs to user 65534"* && $output == *"chown root"* ]]
	chown 0 "$LABCTL_STATE"
	mkdir "$LABCTL_CACHE" && chmod 1777 "$LABCTL_CACHE"
	run -5 labctl list
	chmod 0755 "$LABCTL_CACHE"
	chmod 0777 above
	run -5 env LABCTL_STATE="$PWD/above/state" "$LABCTL" list
	run -5 env LABCTL_CACHE="$PWD/above/not/yet" "$LABCTL" list
	ln -s "$PWD/above/state" mine/state
	run -5 env LABCTL_STATE="$PWD/mine/state" "$LABCTL" list
	run -0 labctl list
}

@test "a link where the lab's directory or a lock should be is not followed" {
	saved lab
	mkdir elsewhere
	echo precious >precious
	cp "$LABCTL_STATE/labs/lab/lab.yaml" elsewhere
	mv "$LABCTL_STATE/labs/lab" gone
	ln -s "$PWD/elsewhere" "$LABCTL_STATE/labs/lab"
	run -5 labctl --connect test:///default -y -l lab destroy
	[[ $output == *"is a symbolic link"* ]]
	[ -f elsewhere/lab.yaml ]
	rm "$LABCTL_STATE/labs/lab" && mv gone "$LABCTL_STATE/labs/lab"
	ln -s "$PWD/precious" "$LABCTL_STATE/labs/lab/lock"
	run labctl --connect test:///default -y -l lab destroy
	[ "$status" = 1 ]
	[ "$(cat precious)" = precious ]
}

@test "on a full disk a lab is still removed, without a journal" {
	[ "$(id -u)" = 0 ] || skip "needs root for a disk of its own"
	mkdir disk
	export LABCTL_STATE=$PWD/disk/state
	export -f saved
	run -0 unshare --mount --propagation private bash -euc '
		mount -t tmpfs -o size=256k,mode=755 full disk
		saved lab
		: >"$LABCTL_STATE/labs/lab/lock"
		full() { if "$@" 2>/dev/null; then exit 9; fi; }
		full cp /dev/zero disk/fill
		full cp /etc/passwd "$LABCTL_STATE/labs/lab/more"
		"$LABCTL" --connect test:///default -y -l lab destroy
		[ ! -e "$LABCTL_STATE/labs/lab" ]'
	[[ $output == *"journal.jsonl: No space left on device; continuing without a journal"* ]]
}

@test "a damaged journal is read as far as possible" {
	saved lab
	journal=$LABCTL_STATE/labs/lab/journal.jsonl
	good='{"v":1,"t_ms":1,"run":"x","event":"run","command":"create"}'
	for text in "$(head -c 100000 /dev/urandom | base64 -w0)" "$good"$'\n{"event":"finished","state":' '{"event":"run","command":"a\u001b[2Jb\u009b31m"}' \
		'{"event":"run","command":7,"t_ms":"x"}' '[]' '"event":"run"' "$(head -c 3000000 /dev/zero | tr '\0' '[')\"event\":\"run\""; do
		printf '%s\n' "$text" >"$journal"
		run -0 labctl list
		harmless "$output"
		run -0 --separate-stderr labctl --json list
		jq -e '.labs[0].lab == "lab"' <<<"$output"
	done
	head -c 200000 /dev/urandom >"$journal"
	run -0 labctl list
	: >"$journal"
	run -0 labctl list
}

# bats test_tags=scripts
@test "no script for nodes passes a secret in arguments or environment" {
	cd "$SOURCE_DIR" || exit 1
	run ! grep -rnE '(PASSWORD|SECRET|TOKEN)=' tuning
	# to functions of lib.sh, into a variable, to psql's standard input
	allowed='^[^:]+:[0-9]+: *((secret_file|pass_file|pass_text) .*|[a-z_]+=\(?@\{secret\.[a-z]+:sh\}\)?|alter role .* password @\{secret\.[a-z]+:sql\};)$'
	[ "$(grep -rn --include='*.sh' '@{secret\.' tuning | wc -l)" -ge 8 ]
	run ! sh -c 'grep -rn --include="*.sh" "@{secret\." tuning | grep -vE "$1"' sh "$allowed"
}

@test "a core file is written only on request" {
	[ "$(id -u)" = 0 ] || skip "only root has secrets, and root's labctl leaves no core"
	[[ $(cat /proc/sys/kernel/core_pattern) != [/\|]* ]] || skip "core files of this host go elsewhere"
	ulimit -c unlimited 2>/dev/null || skip "core files are not allowed here"
	# Otherwise the address sanitizer takes the signal, and the limit.
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0:disable_coredump=0
	mkdir control ours asked
	mkfifo control/wait ours/wait asked/wait
	(cd control && exec cat wait) & control=$!
	# it opens the lab file, and waits there
	(cd ours && exec "$LABCTL" -f wait plan create) & ours=$!
	(cd asked && ulimit -Sc 0 && LABCTL_CORE=1 exec "$LABCTL" -f wait plan create) & asked=$!
	for _ in $(seq 100); do
		[ "$(readlink /proc/$ours/exe)" = "$(readlink -f "$LABCTL")" ] && [ "$(readlink /proc/$asked/exe)" = "$(readlink -f "$LABCTL")" ] && [ "$(readlink /proc/$control/exe)" = "$(readlink -f "$(command -v cat)")" ] && break
		sleep 0.02
	done
	sleep 0.2
	kill -SEGV "$control" "$ours" "$asked"
	wait "$control" || true
	wait "$asked" || true
	wait "$ours" || true
	[ -n "$(find control -name 'core*')" ] || skip "this host writes no core file at all"
	[ -z "$(find ours -name 'core*')" ]
	[ -n "$(find asked -name 'core*')" ]
}

@test "more than the kernel's limits: the plan names the limit and the command to raise it" {
	small() { unshare -Ur sh -c 'echo 8 >/proc/sys/user/max_inotify_instances || exit 99; exec "$@"' sh "$LABCTL" "$@"; }
	run -0 --separate-stderr small --hypervisor lxc plan create 3
	[[ $stderr == *"the nodes need 13 inotify instances, the kernel has 8 left"*"sysctl -w fs.inotify.max_user_instances="* ]]
	run -0 --separate-stderr small --hypervisor lxc plan create 1
	[[ $stderr != *inotify* ]]
	printf '%s\n' 'lab: big' 'nodes: 40' 'hypervisor: qemu' 'defaults: {memory: 256GiB}' >big.yaml
	run -0 --separate-stderr labctl -f big.yaml -n create
	[[ $stderr == *"the nodes need 10485760 MiB of memory, this host has "* ]]
}

# bats test_tags=scripts
@test "hardened: position independent, read-only after relocation, guarded stack, no executable stack" {
	readelf -hW "$LABCTL" | grep -q 'Type: *DYN'
	readelf -lW "$LABCTL" | grep -q GNU_RELRO
	readelf -dW "$LABCTL" | grep -qE 'BIND_NOW|FLAGS_1.*NOW'
	readelf -dW "$LABCTL" | grep -q 'FLAGS_1.*PIE'
	[ "$(readelf -lW "$LABCTL" | awk '$1 == "GNU_STACK" {print $7}')" = RW ]
	run ! sh -c 'readelf -dW "$1" | grep -qE "RPATH|RUNPATH|TEXTREL"' sh "$LABCTL"
	readelf -sW "$LABCTL" | grep -q __stack_chk_fail
	if [ "${LABCTL_BUILD-}" = Release ]; then
		readelf -sW "$LABCTL" | grep -qE '__(v?snprintf|memcpy|v?fprintf|read|v?asprintf)_chk'
	fi
}
