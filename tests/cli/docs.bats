# SPDX-License-Identifier: PostgreSQL
# Documents are complete and name existing files; source files have licenses and follow the rules.
bats_require_minimum_version 1.5.0

setup() { cd "$SOURCE_DIR" || exit 1; }

@test "every path in the documents exists" {
	bad=0
	for doc in README.md CONTRIBUTING.md CHANGELOG.md docs/*.md docs/*/*.md; do
		for path in $(grep -oE '\b(src|docs|tests|tuning|domains|kickstart)/[A-Za-z0-9_./-]+' "$doc" | sed 's/[.]$//' | sort -u); do
			case $path in *NAME* | *KIND* | *PROFILE* | */RING/*) continue ;; esac
			[ -e "$path" ] || { echo "$doc names $path"; bad=1; }
		done
	done
	[ $bad = 0 ]
}

@test "labctl(1) has every command and option, lab(5) every key" {
	bad=0
	commands=$("$LABCTL" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
	[ "$(wc -l <<<"$commands")" -gt 10 ]
	options=$(for command in $commands; do
		"$LABCTL" help "$command" | tee "$BATS_TEST_TMPDIR/help"
		for action in $(sed -n '/^Actions:/,/^$/s/^  \([a-z-]*\) .*/\1/p' "$BATS_TEST_TMPDIR/help"); do "$LABCTL" help "$command" "$action"; done
	done | sed -n 's/^  .*--\([a-z0-9-]*\) .*/\1/p' | sort -u)
	[ "$(wc -l <<<"$options")" -gt 20 ]
	keys=$(sed -n '/struct config/d; s/^\t{ "\([a-z_0-9]*\)", .*KEY_.*/\1/p; s/^\t{ "\([a-z_0-9]*\)", \(CPUS\|MEMORY\|DISK\),.*/\1/p' src/model/lab_*.c | sort -u)
	[ "$(wc -l <<<"$keys")" -gt 30 ]
	# in this shell: a program for each would take most of the ring's time
	page=$(<docs/labctl.1) lab=$(<docs/lab.5) nl=$'\n'
	for command in $commands; do
		[[ $nl$page$nl =~ $nl\.It\ Ic\ $command[\ $nl] ]] || { echo "labctl(1) lacks $command"; bad=1; }
	done
	for option in $options; do
		[[ $nl$page$nl =~ $nl\.It\ Fl\ (.\ ,\ Fl\ )?-$option[\ $nl] ]] || { echo "labctl(1) lacks --$option"; bad=1; }
	done
	for key in $keys; do
		[[ $nl$lab$nl =~ $nl\.(It|Ss|Ic|Pq)(\ [^$nl]*)?\ $key[\ $nl] || $nl$lab =~ $nl\.Ql\ \{[^$nl]*[^a-z_0-9$nl]$key[^a-z_0-9] ]] ||
			{ echo "lab(5) lacks $key"; bad=1; }
	done
	[ $bad = 0 ]
}

@test "labctl-config(5) has every key, and no other" {
	"$LABCTL" config --json | jq -r '.values[].key' | sed 's/^sources\.//; s/.*\.//' | sort >"$BATS_TEST_TMPDIR/keys"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/keys")" -gt 15 ]
	sed -n '/^.Sh KEYS/,/^.Sh ENV/ { s/^.It Ic \([a-z]* : Brq Ic \)\?\([a-z_, ]*\).*/\2/p }' docs/labctl-config.5 | tr -d ' ' |
		tr , '\n' | sort | diff "$BATS_TEST_TMPDIR/keys" -
}

@test "no line of lab(5) and labctl-config(5) is wider than 80 columns" {
	for page in lab labctl-config; do
		mandoc -T ascii docs/$page.5 | sed 's/.\x08//g' | awk 'length($0) > 80 { print; bad = 1 } END { exit bad }'
	done
}

@test "every source file has the license line at its top" {
	local all=$BATS_TEST_TMPDIR/all
	find src tests tuning kickstart domains quickstart check .ci -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.bats' \
		-o -name '*.sql' -o -name '*.bash' -o -name CMakeLists.txt -o -path '*/support/*' -o -name quickstart -o -name check -o -name run \) |
		sort >"$all"
	[ "$(wc -l <"$all")" -gt 300 ]
	# the first match of each file, by its line
	xargs -a "$all" grep -aHnm1 'SPDX-License-Identifier: PostgreSQL' | awk -F: '$2 <= 3 {print $1}' | sort | comm -13 - "$all" | tee /dev/stderr | wc -l | grep -qx 0
}

@test "no banned function is called" {
	run ! grep -nE '\b(system|popen|strcpy|strcat|sprintf|gets)\(' -r src
	run ! grep -rn 'StrictHostKeyChecking=no' src quickstart
}

# Neither bats nor "bash -e" notices that a line with "!" fails, unless it is the last of its test or function.
@test "every negation in a test can fail" {
	awk 'FNR == 1 { was = "" }
		was && !/^\t*}/ { print was; bad = 1 }
		{ was = /^\t*! / && !/ \|\| / ? FILENAME ":" FNR ": " $0 : "" }
		END { exit bad }' tests/*/*.bats tests/support/*.bash tests/support/*/*.sh tests/trust/*
}

@test "clang-tidy finds nothing in src/base" {
	command -v clang-tidy >/dev/null || skip "no clang-tidy"
	build=$(dirname "$LABCTL")
	[ -e "$build/compile_commands.json" ]
	run -0 clang-tidy -p "$build" --quiet src/base/{fail,quote,template,trace}.c
	# it does look: a condition that is the same on both sides of ||
	cp src/base/clock.c "$BATS_TEST_TMPDIR/clock.c"
	echo 'int twice(int a); int twice(int a) { return a == 1 || a == 1; }' >>"$BATS_TEST_TMPDIR/clock.c"
	run ! clang-tidy --config-file=.clang-tidy --quiet "$BATS_TEST_TMPDIR/clock.c" -- -std=gnu17 -D_GNU_SOURCE -Isrc/base
	[[ $output == *misc-redundant-expression* ]]
}
