# SPDX-License-Identifier: PostgreSQL
# Completion in real shells: types keys at an interactive shell and checks the command that it runs.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir -p state/labs/{demo,other} bin home
	printf 'lab: demo\nnodes: 3\nhypervisor: lxc\nnetwork: {subnet: 10.88.0.0/24}\ncluster: {kind: postgres}\n' >state/labs/demo/lab.yaml
	printf 'lab: other\nnodes: 1\nhypervisor: lxc\nnetwork: {subnet: 10.89.0.0/24}\n' >state/labs/other/lab.yaml
	touch archive.tar.gz
	mkdir archives
	# The shell's labctl: completes like labctl, but otherwise only records its arguments.
	cat >bin/labctl <<-END
		#!/bin/sh
		case \$1 in
		completion) exec "$LABCTL" "\$@" ;;
		complete)
			"$LABCTL" "\$@"
			echo >>"$PWD/asked"
			exit
			;;
		esac
		printf '[%s]' "\$@" >"$PWD/ran.new"
		mv "$PWD/ran.new" "$PWD/ran"
	END
	chmod +x bin/labctl
	export PATH=$PWD/bin:$PATH HOME=$PWD/home TERM=dumb
}

# The completions at the end of a command line, one per line.
words() { "$LABCTL" complete -- "$@" | cut -f 1; }

@test "commands, options and values of every kind" {
	[ "$(words 'de')" = destroy ]
	[ "$(words db 'dr')" = drop ]
	run -0 words create --
	[[ $output == *--image* && $output == *--lab* && $output != *--keep-data* ]]
	[ "$(words destroy --ke)" = --keep-data ]
	[ "$(words -l '' | paste -sd ' ')" = 'demo other' ]
	[ "$(words --lab=de)" = --lab=demo ]
	[ "$(words -l demo ssh node | paste -sd ' ')" = 'node1 node2 node3' ]
	[ "$(words -l demo exec node1,node3,n | paste -sd ' ')" = 'node1,node3,node1 node1,node3,node2 node1,node3,node3' ]
	[ "$(words -l demo exec -r '' | paste -sd ' ')" = 'primary standby pgpool client' ]
	[ "$(words bootstrap '' | paste -sd ' ')" = 'citus opentenbase pgxc pgxl postgres' ]
	[ "$(words --hypervisor l)" = lxc ]
	[ "$(words -l demo db create x --template '' | paste -sd ' ')" = postgis ]
	[ "$(words inventory --format p | paste -sd ' ')" = 'pg_service pgpass' ]
	[ "$(words help db ta)" = tables ]
	[ "$(words help image im)" = import ]
	[ "$(words image build debian12-build-)" = debian12-build-citus ]
	[ "$(words image install x --kickstart el1)" = el10 ]
	[ "$(words completion z)" = zsh ]
	[ "$(words image import x '')" = :files ]
	[ "$(words render --out '')" = :directories ]
	[ "$(words ssh node1 -- '')" = :files ]
	# Nothing for hidden commands, wrong words and superfluous arguments.
	for line in m com 'frob ' 'create --frob ' 'create 3 '; do
		[[ $line == com ]] && expected=completion || expected=
		# shellcheck disable=SC2086
		[ "$(IFS=' '; [[ $line == *' ' ]] && words $line '' || words $line)" = "$expected" ]
	done
}

@test "images are completed: built and stored ones" {
	truncate -s 1M small.img
	printf '\xeb\xfe' | dd of=small.img conv=notrunc status=none
	printf '\x55\xaa' | dd of=small.img bs=1 seek=510 conv=notrunc status=none
	"$LABCTL" image import rocky9-small small.img >/dev/null
	[ "$(words create --image ro)" = $'rocky9-small\n:files' ]
	[ "$(words image rm '')" = rocky9-small ]
	[ "$(words image show r)" = rocky9-small ]
}

@test "it is quick, and connects neither to libvirt nor to nodes" {
	# The nodes of demo do not exist, and neither does libvirt.
	export LABCTL_CONNECT=test:///nowhere
	for line in 'ssh ' 'db drop ' 'exec -r '; do
		before=$(cut -d ' ' -f 16,17 /proc/$BASHPID/stat)
		# shellcheck disable=SC2086
		timeout 10 "$LABCTL" complete -- -l demo $line '' </dev/null >words 2>&1
		after=$(cut -d ' ' -f 16,17 /proc/$BASHPID/stat)
		# Processor time in ticks of 10 ms, so that a busy host makes no difference.
		[ $((${after% *} + ${after#* } - ${before% *} - ${before#* })) -lt 50 ]
		run ! grep -q libvirt words
	done
}

# Waits until a condition holds, 30 s at most.
until_true() {
	local try
	for ((try = 0; try < 300; try++)); do
		! "$@" 2>/dev/null || return 0
		sleep 0.1
	done
	cat -v out >&2
	return 1
}

is_ready() { grep -q '^ready' out; }
was_asked() { [ "$(wc -l <asked)" -gt "$1" ]; }
has_run() { [ -e ran ]; }
# Waits until the shell has printed its output.
is_still() {
	local before after
	before=$(stat -c %s out)
	sleep 0.5
	after=$(stat -c %s out)
	[ "$before" = "$after" ]
}

# Loads completion by SETUP in SHELL, types each WORD and TAB, then return; prints the arguments that labctl got.
typed() {
	local shell=$1 setup=$2 word asked pid
	shift 2
	rm -f ran out keys asked
	touch asked
	mkfifo keys
	script -qfec "$shell" out <keys >/dev/null 2>&1 &
	pid=$!
	exec 7>keys
	printf '%s; echo rea""dy\r' "$setup" >&7
	until_true is_ready
	until_true is_still
	for word; do
		asked=$(wc -l <asked)
		printf '%s\t' "$word" >&7
		until_true was_asked "$asked"
		until_true is_still
	done
	printf '\r' >&7
	until_true has_run
	printf 'exit\r' >&7
	exec 7>&-
	wait $pid || true
	cat ran
}

check_shell() {
	local shell=$1 setup=$2
	[ "$(typed "$shell" "$setup" 'labctl des' '-l de' --ke)" = '[destroy][-l][demo][--keep-data]' ]
	[ "$(typed "$shell" "$setup" 'labctl --hypervisor=lx' 'db tab')" = '[--hypervisor=lxc][db][tables]' ]
	[ "$(typed "$shell" "$setup" 'labctl bootstrap ci' '--source arc' .t)" = '[bootstrap][citus][--source][archive.tar.gz]' ]
}

# bats test_tags=scripts
@test "bash" {
	check_shell 'bash --norc --noprofile -i' 'source <(labctl completion bash)'
}

# bats test_tags=scripts
@test "zsh" {
	command -v zsh >/dev/null || skip "no zsh"
	check_shell 'zsh -f -i' 'autoload -Uz compinit && compinit -u -D; source <(labctl completion zsh)'
}

# bats test_tags=scripts
@test "fish" {
	command -v fish >/dev/null || skip "no fish"
	check_shell 'fish --no-config -i' 'labctl completion fish | source'
}

# bats test_tags=scripts
@test "installed in the directory of each shell" {
	cmake --install "$(dirname "$LABCTL")" --prefix "$PWD/prefix" >/dev/null
	cmp prefix/share/bash-completion/completions/labctl "$SOURCE_DIR/completion/labctl.bash"
	cmp prefix/share/zsh/site-functions/_labctl "$SOURCE_DIR/completion/labctl.zsh"
	cmp prefix/share/fish/vendor_completions.d/labctl.fish "$SOURCE_DIR/completion/labctl.fish"
	LABCTL_DATA=$PWD/prefix/share/labctl run -0 prefix/bin/labctl completion zsh
	[[ $output == '#compdef labctl'* ]]
}
