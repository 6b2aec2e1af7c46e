# SPDX-License-Identifier: PostgreSQL
# tests/support/run-tests: its report of tests that pass, fail, are skipped or pass only the second time. Which tests run
# under the thread sanitizer.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

# project LINE...: a build directory with these tests of CMake's.
project() {
	mkdir "$BATS_TEST_TMPDIR/source"
	{
		printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(tests NONE)' 'enable_testing()' "$@"
	} >"$BATS_TEST_TMPDIR/source/CMakeLists.txt"
	cmake -G Ninja -S "$BATS_TEST_TMPDIR/source" -B "$BATS_TEST_TMPDIR/build" >/dev/null
}

# Passes from its second run on.
second_time() { echo "add_test(NAME $1 COMMAND sh -c \"test -e $1 || { : >$1; false; }\")"; }

run_tests() { "$SOURCE_DIR/tests/support/run-tests" "$BATS_TEST_TMPDIR/build" "$@"; }

@test "only a test of machines or servers is repeated, and it is listed; the last line counts" {
	project 'add_test(NAME good COMMAND true)' "$(second_time race)" "$(second_time late)" "$(second_time slow)" \
		'add_test(NAME lost COMMAND false)' 'add_test(NAME needs COMMAND echo "# skip ARCHIVE")' \
		'set_tests_properties(late lost PROPERTIES LABELS machines)' 'set_tests_properties(slow PROPERTIES LABELS link)' \
		'set_tests_properties(needs PROPERTIES SKIP_REGULAR_EXPRESSION "# skip")'
	run -1 run_tests
	[ "${lines[-1]}" = "3 passed, 2 failed" ]
	[[ $output == *$'Repeated:\n  late: failed, then passed\n  slow: failed, then passed\n  lost: failed, then failed\n'* ]]
	[[ $output == *$'Skipped:\n  needs\nFailed:\n  lost\n  race\n'* ]]
	[[ $output == *$'The slowest:\n'*" s  "* ]]
}

@test "status 0 if all pass; a test that cannot start or does not exist fails" {
	project 'add_test(NAME good COMMAND true)' "$(second_time late)" 'add_test(NAME gone COMMAND /nowhere/program)' \
		'set_tests_properties(good late PROPERTIES LABELS "fine;machines")'
	run -0 run_tests -L fine
	[ "${lines[-1]}" = "2 passed, 0 failed" ]
	run -1 run_tests
	[ "${lines[-1]}" = "2 passed, 1 failed" ]
	run -1 run_tests -L nothing
	[ "${lines[-1]}" = "0 passed, 0 failed" ]
}

@test "long tests run with --all, or with a label of theirs" {
	project 'add_test(NAME good COMMAND true)' 'add_test(NAME slow COMMAND true)' 'add_test(NAME emulated COMMAND true)' \
		'set_tests_properties(slow PROPERTIES LABELS "build;long")' \
		'set_tests_properties(emulated PROPERTIES LABELS "machines;long")'
	run -0 run_tests
	[ "${lines[-1]}" = "1 passed, 0 failed" ]
	run -0 run_tests --all
	[ "${lines[-1]}" = "3 passed, 0 failed" ]
	run -0 run_tests -L machines
	[ "${lines[-1]}" = "1 passed, 0 failed" ]
}

@test "the build for the thread sanitizer has exactly the test programs that start threads" {
	threaded=$(sed -n '/^set(threaded /,/)$/p' "$SOURCE_DIR/tests/CMakeLists.txt" | tr -d '()' | xargs -n 1 | grep / | sort)
	for source in "$SOURCE_DIR"/tests/{unit,golden,exec,link,cli}/test_*.c; do
		name=$(sed -E 's,.*/([a-z]+)/test_([a-z0-9_]+)\.c$,\1 \2,' <<<"$source")
		nm -D "$(dirname "$LABCTL")/tests/${name/ /_}" >"$BATS_TEST_TMPDIR/symbols"
		! grep -q ' U pthread_create' "$BATS_TEST_TMPDIR/symbols" || echo "${name/ //}"
	done | sort >"$BATS_TEST_TMPDIR/starting"
	diff "$BATS_TEST_TMPDIR/starting" - <<<"$threaded"
}
