# SPDX-License-Identifier: PostgreSQL
# Help, usage errors, exit codes, JSON, plans and renders. Nothing here changes the host.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
}

labctl() { "$LABCTL" "$@"; }

@test "help names every command, and each explains itself" {
	run -0 labctl help
	for word in create bootstrap destroy plan render status list ssh exec psql db doctor image version; do
		[[ $output == *"  $word "* ]]
		"$LABCTL" help "$word" | grep -q "^Usage: labctl \[OPTIONS\] $word"
		"$LABCTL" "$word" --help | grep -q "^Options:"
	done
}

@test "create --warm of a lab that does not exist says why its nodes boot" {
	run -0 labctl --hypervisor qemu -n create 2 --warm
	[[ $output == *"lab 'lab' does not start warm: there is no such lab yet; nodes that are off boot"*"create lab 'lab': "* ]]
}

@test "the manual pages are well formed" {
	command -v mandoc >/dev/null || skip "no mandoc"
	mandoc -T lint -W warning "$SOURCE_DIR/docs/labctl.1" "$SOURCE_DIR/docs/lab.5" "$SOURCE_DIR/docs/labctl-config.5"
}

@test "usage errors: one line, the word, the nearest known one, exit 2" {
	run -2 labctl craete 3
	[[ $output == *"unknown command 'craete'; did you mean 'create'?"* ]]
	run -2 labctl create --hypervizor lxc
	[[ $output == *"did you mean --hypervisor"* ]]
	run -2 labctl --hypervisor lcx create
	[[ $output == *"did you mean 'lxc'?"* ]]
	run -2 labctl create many
	[[ $output == *"'many' is not a number of nodes"* ]]
	run -2 labctl create 3 4
	[[ $output == *"unexpected argument '4'; usage: labctl create [N]"* ]]
	run -2 labctl -l b create --warm --from a@base
	[[ $output == *"--warm and --from"* ]]
	run -2 labctl create -Q
	[[ $output == *"unknown option '-Q'"* ]]
	run -2 labctl -j 0 list
	run -2 labctl --timeout soon list
	run -2 labctl create --jobs
	[[ $output == *"--jobs needs a value"* ]]
	run -2 labctl status -- ls
	run -2 labctl exec
	run -2 --separate-stderr labctl
	[ -z "$output" ]
	run -2 env LABCTL_JOBS=many "$LABCTL" list
	[[ $output == *"LABCTL_JOBS"* ]]
}

@test "LABCTL_TRACE: values are checked first, and calls are printed with times" {
	run -2 --separate-stderr env LABCTL_TRACE=sql,shh "$LABCTL" list
	[ -z "$output" ]
	[[ $stderr == *"LABCTL_TRACE: unknown word 'shh'; did you mean 'ssh'? Known: libvirt, ssh, sql"* ]]
	# the result of doctor on this host, and so its status, does not matter
	LABCTL_TRACE=libvirt "$LABCTL" --connect test:///default doctor --json >document 2>lines || true
	jq -e . document >/dev/null
	grep -qE '^trace [0-9.]+ libvirt > connect$' lines
	grep -qE '^trace [0-9.]+ libvirt < connect: done; [0-9.]+ ms$' lines
	"$LABCTL" --connect test:///default doctor --json >document 2>lines || true
	run ! grep trace lines
}

# Runs a command on a terminal with $1 columns. script(1) adds carriage returns.
on_terminal() {
	script -qefc "stty cols $1 rows 24; exec $2" /dev/null </dev/null | tr -d '\r'
}

@test "LABCTL_PATIENCE is a number" {
	for word in 0 101 2x -1 ' '; do
		LABCTL_PATIENCE=$word run -2 labctl list
		[[ $output == *"LABCTL_PATIENCE: '$word' is no number from 1 to 100"* ]]
	done
	for word in '' 1 100; do
		LABCTL_PATIENCE=$word run -0 labctl list
	done
}

@test "on a terminal a table is wrapped between words, and nothing is cut off" {
	on_terminal 60 "$LABCTL doctor" >doctor || true
	grep -q '^CHECK  *RESULT FOUND$' doctor
	# the table, not the remedies below
	sed '/^$/,$d' doctor >table
	[ "$(wc -l <table)" -gt 20 ]
	# everything but a single long word fits
	awk 'length($0) > 60 && NF > 1 && !/[^ ]{22}$/ { print; bad = 1 } END { exit bad }' table
	# the same text as in the JSON document
	same() { tr -s ' \n' ' ' | sed 's/[0-9.]* GiB//g'; } # somebody else writes to this disk meanwhile
	words=$("$LABCTL" doctor --json 2>doctor.err | jq -r '.checks[].found' | same)
	shown=$(awk 'NR == 1 { at = index($0, "FOUND") } NR > 1 { print substr($0, at) }' table | same)
	[ "$shown" = "$words" ]
}

@test "on a terminal help is wrapped between words, and examples and usage stay as they are" {
	for words in '' exec 'db distribute' inventory; do
		on_terminal 60 "$LABCTL help $words" >shown
		# shellcheck disable=SC2086
		"$LABCTL" help $words >piped
		awk 'length($0) > 60 && !/^Usage:/ && !/^  labctl / && !/^  [a-z_]+  / && !/^  *(LAB|role)/ { print; bad = 1 } END { exit bad }' shown
		diff <(tr -s ' \n' '\n' <piped) <(tr -s ' \n' '\n' <shown)
	done
}

@test "names are UTF-8 in tables, whatever the locale" {
	mkdir -p "$LABCTL_STATE/labs/x"
	printf '%s\n' 'lab: x' 'nodes: 1' 'hypervisor: Überlingen' >"$LABCTL_STATE/labs/x/lab.yaml"
	for locale in C C.UTF-8; do
		run -0 env LC_ALL=$locale "$LABCTL" list
		[[ $output == *"Überlingen"* && $output != *'\x'* ]]
	done
}

@test "an empty list is reported" {
	run -0 --separate-stderr labctl list
	[[ -z $output && $stderr == *"there are no labs in $LABCTL_STATE"*"next: labctl create 3" ]]
	run -0 --separate-stderr labctl image list
	[[ -z $output && $stderr == *"no images in $LABCTL_CACHE/images"* ]]
	run -0 --separate-stderr labctl --json list
	[[ $(jq -c .labs <<<"$output") == '[]' && -z $stderr ]]
}

@test "missing labs: exit 4 and the next command" {
	run -4 labctl status
	[[ $output == *"there is no lab on this host"* && $output == *"next: labctl create"* ]]
	run -4 labctl -l nowhere destroy
	run -4 labctl -l nowhere ssh node1
	run -4 labctl -f missing.yaml create
}

@test "a bad lab file: every problem with its line, exit 3, nothing made" {
	cat >labctl.yaml <<-'END'
		lab: Demo!
		nodes: 500
		hypervizor: lxc
		network: {subnet: 10.1.2.0/24, first_host: 1}
		defaults: {memory: 3 potatoes}
		cluster: {kind: pgxc, gtm: 9, datanode: 600}
	END
	run -3 labctl create
	[[ $output == *"labctl.yaml:1"* && $output == *"labctl.yaml:2"* && $output == *"labctl.yaml:3"* ]]
	[[ $output == *"did you mean hypervisor"* && $output == *"labctl.yaml:5"* ]]
	[ ! -e "$LABCTL_STATE" ]
}

@test "plan: text, JSON and dot of the same steps, without a lab" {
	run -0 labctl plan create 3
	[[ $output == *"node.start/node3"* ]]
	run -0 --separate-stderr labctl --json plan create 3
	[ "$(jq -r .v <<<"$output")" = 1 ]
	jq -e '.steps[] | select(.id == "node.ready/node2")' <<<"$output"
	run -0 labctl plan --dot create 3
	[[ $output == digraph* ]]
	run -0 labctl -n create 3
	[[ $output == *"node.start/node3"* ]]
	run -0 labctl -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" plan bootstrap
	[[ $output == *"gtm.start"* && $output == *"smoke.read"* ]]
	run -2 labctl plan creat
	[[ $output == *"did you mean 'plan create'?"* ]]
	[ ! -e "$LABCTL_STATE" ]
}

@test "render writes all files, without secrets, with the walk-through's values" {
	run -0 labctl -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" render --out out
	[ -f out/manifest.json ] && [ -d out/host ] && [ -f out/nodes/node3/script.sh ]
	jq -e . out/manifest.json >/dev/null
	grep -q '^192.168.122.178 db-192-168-122-178.sky-mobi.com db-192-168-122-178' out/nodes/node1/files/etc/hosts
	grep -rq 'max_pool_size = 6416' out/nodes/node3
	grep -rq 'shared_buffers = 1024MB' out/nodes/node3
	grep -rq 'net.ipv4.tcp_max_syn_backlog = 4096' out/nodes/node3/files
	grep -q '/data03/171.*192.168.122.0/24(rw,no_root_squash,sync,no_subtree_check)' out/host/exports
	run ! grep -rqE "PRIVATE KEY" out
	grep -rq 'secret:postgres' out
	run -5 labctl -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" render --out out
	[[ $output == *"not empty"* ]]
	run -2 labctl render
}

@test "JSON: one document on stdout, also for failures" {
	run -0 --separate-stderr labctl --json list
	[ "$(jq -c .labs <<<"$output")" = '[]' ]
	run -4 --separate-stderr labctl --json status
	[ "$(jq -r .error.code <<<"$output")" = NOT_FOUND ]
	run -0 --separate-stderr labctl --json version
	jq -e .labctl <<<"$output"
	run -0 --separate-stderr env LABCTL_JSON=1 "$LABCTL" list
	jq -e .labs <<<"$output"
	for words in '--json' '--json -l' '--json --frob' '--json exec' '--json create x' '--json -f missing.yaml create'; do
		# shellcheck disable=SC2086
		run --separate-stderr labctl $words
		[ "$status" -gt 1 ]
		[ "$(jq -s length <<<"$output")" = 1 ]
		[ "$(jq .error.exit_status <<<"$output")" = "$status" ]
	done
}

@test "a damaged record does not hide the other labs" {
	mkdir -p "$LABCTL_STATE/labs/bad"
	echo 'lab: [' >"$LABCTL_STATE/labs/bad/lab.yaml"
	run -0 --separate-stderr labctl --json list
	[[ $(jq -r '.labs[0].last' <<<"$output") == *"bad/lab.yaml:2"* ]]
	run -3 labctl -l bad status
}

@test "users other than root get a clear error" {
	[ "$(id -u)" = 0 ] || skip "needs root to become somebody else"
	mkdir -p "$LABCTL_STATE/labs/lab"
	echo 'nodes: 1' >"$LABCTL_STATE/labs/lab/lab.yaml"
	chmod 600 "$LABCTL_STATE/labs/lab/lab.yaml"
	# A copy with its data files: other users cannot access the clone or the test's directory.
	open=$(mktemp -d "${TMPDIR:-/tmp}/labctl-open.XXXXXX")
	cp -r "$LABCTL" "$SOURCE_DIR"/{domains,kickstart,tuning} "$open"
	chmod -R a+rX "$open"
	run env LABCTL_DATA="$open" setpriv --reuid 65534 --regid 65534 --clear-groups "$open/labctl" status
	rm -r "$open"
	[ "$status" = 1 ]
	[[ $output == *"Permission denied"* && $output == *"next: run labctl as root"* ]]
}

@test "a plan for 1000 nodes is small and quick" {
	cat >labctl.yaml <<-'END'
		nodes: 1000
		network: {subnet: 10.80.0.0/20}
	END
	run -0 --separate-stderr labctl --json plan create
	[ "$(jq '[.steps[] | select(.verb == "node.start")] | length' <<<"$output")" = 1000 ]
}
