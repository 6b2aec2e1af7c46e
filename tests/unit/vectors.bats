#!/usr/bin/env bats
# SPDX-License-Identifier: PostgreSQL
# What R computes now is what tests/unit/vectors has.

setup() {
	command -v Rscript >/dev/null || skip "no Rscript"
}

# same FILE.txt FILE.R MOST: the same lines, with numbers that differ by MOST, as of another version of R. Relative; below 1
# absolute.
same() {
	Rscript --vanilla "$2" >"$BATS_TEST_TMPDIR/now"
	[ -s "$BATS_TEST_TMPDIR/now" ]
	paste -d '\n' "$1" "$BATS_TEST_TMPDIR/now" | awk -v most="$3" '
		NR % 2 { fields = split($0, recorded, " "); next }
		{
			wrong = NF != fields
			for (i = 1; i <= NF && !wrong; i++) {
				a = $i; b = recorded[i]
				if (a ~ /[0-9]/ && a !~ /^[a-z]/) {
					d = a - b
					size = b < 0 ? -b : b
					wrong = (d < 0 ? -d : d) > most * (size > 1 ? size : 1)
				} else {
					wrong = a != b
				}
			}
			if (wrong) { print "recorded " NR / 2 ": " $0; bad = 1 }
		}
		END { exit bad }'
}

@test "statistics" {
	same "$SOURCE_DIR/tests/unit/vectors/stats.txt" "$SOURCE_DIR/tests/unit/vectors/stats.R" 1e-9
}

@test "Universal Scalability Law" {
	same "$SOURCE_DIR/tests/unit/vectors/usl.txt" "$SOURCE_DIR/tests/unit/vectors/usl.R" 1e-5
}

@test "a wrong number is noticed" {
	sed '5s/= [0-9.]*/= 1/' "$SOURCE_DIR/tests/unit/vectors/usl.txt" >"$BATS_TEST_TMPDIR/wrong.txt"
	run same "$BATS_TEST_TMPDIR/wrong.txt" "$SOURCE_DIR/tests/unit/vectors/usl.R" 1e-5
	[ "$status" = 1 ]
	[[ $output == recorded* ]]
}
