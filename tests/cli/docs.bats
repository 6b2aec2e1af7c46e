# SPDX-License-Identifier: PostgreSQL
# What the documents name exists, and every source file says its license.
bats_require_minimum_version 1.5.0

setup() { cd "$SOURCE_DIR" || exit 1; }

@test "every path that a document names exists" {
	bad=0
	for doc in README.md docs/*.md docs/*/*.md; do
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
	for command in $commands; do
		grep -qE "^\.It Ic $command( |$)" docs/labctl.1 || { echo "labctl(1) lacks $command"; bad=1; }
	done
	options=$(for command in $commands; do "$LABCTL" help "$command"; done | sed -n 's/^  .*--\([a-z0-9-]*\) .*/\1/p' | sort -u)
	[ "$(wc -l <<<"$options")" -gt 20 ]
	for option in $options; do
		grep -qE "^\.It Fl (. , Fl )?-$option( |$)" docs/labctl.1 || { echo "labctl(1) lacks --$option"; bad=1; }
	done
	keys=$(sed -n 's/^\t{ "\([a-z_0-9]*\)", .*KEY_.*/\1/p; s/^\t{ "\([a-z_0-9]*\)", \(CPUS\|MEMORY\|DISK\),.*/\1/p' src/model/lab_*.c | sort -u)
	[ "$(wc -l <<<"$keys")" -gt 30 ]
	for key in $keys; do
		grep -qE "^\.(It|Ss|Ic|Pq)( .*)? $key( |$)|^\.Ql \{.*\b$key\b|^\.Ss $key" docs/lab.5 || { echo "lab(5) lacks $key"; bad=1; }
	done
	[ $bad = 0 ]
}

@test "every source file has the license line at its top" {
	bad=0
	while IFS= read -r file; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: PostgreSQL' || { echo "$file"; bad=1; }
	done < <(find src tests tuning kickstart domains quickstart check .ci -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.bats' \
		-o -name '*.sql' -o -name '*.bash' -o -name CMakeLists.txt -o -path '*/support/*' -o -name quickstart -o -name check -o -name run \))
	[ $bad = 0 ]
}

@test "nothing calls what the house bans" {
	! grep -nE '\b(system|popen|strcpy|strcat|sprintf|gets)\(' -r src
	! grep -rn 'StrictHostKeyChecking=no' src quickstart
}
