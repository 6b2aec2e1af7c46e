/* SPDX-License-Identifier: PostgreSQL */
/* Lines to and from a program that runs beside us, and how it ends. */
#include <signal.h>

#include "clock.h"
#include "coproc.h"
#include "test.h"

static struct coproc *start(const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct coproc *c = NULL;
	struct fail e = { 0 };

	if (coproc_start(argv, &c, &e) < 0)
		fail_msg("%s", e.text);
	return c;
}

static void lines_both_ways(void **state)
{
	auto_(coproc_end) struct coproc *c = start("cat");
	auto_(strbuf_clear) struct strbuf line = { 0 };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(coproc_send(c, "one", clock_after_ms(5000), &e), 0);
	assert_int_equal(coproc_send(c, "", clock_after_ms(5000), &e), 0);
	assert_int_equal(coproc_send(c, "three", clock_after_ms(5000), &e), 0);
	assert_int_equal(coproc_line(c, clock_after_ms(5000), &line, &e), 0);
	assert_string_equal(strbuf_text(&line), "one");
	assert_int_equal(coproc_line(c, clock_after_ms(5000), &line, &e), 0);
	assert_string_equal(strbuf_text(&line), "");
	assert_int_equal(coproc_line(c, clock_after_ms(5000), &line, &e), 0);
	assert_string_equal(strbuf_text(&line), "three");
	assert_int_equal(coproc_line(c, clock_after_ms(100), &line, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	coproc_hang_up(c);
	assert_int_equal(coproc_line(c, clock_after_ms(5000), &line, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
}

/* Longer than a pipe holds: it reads no more until somebody reads what it writes. */
static void a_program_that_does_not_read(void **state)
{
	auto_(coproc_end) struct coproc *c = start("exec sleep 60");
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };

	(void)state;
	for (int i = 0; i < 200000; i++)
		strbuf_char(&text, 'x');
	assert_int_equal(coproc_send(c, text.text, clock_after_ms(100), &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	coproc_kill(c);
}

static void a_program_that_ends(void **state)
{
	auto_(coproc_end) struct coproc *c = start("echo why >&2; echo last; printf unfinished; exec 1>&-; exit 3");
	auto_(strbuf_clear) struct strbuf line = { 0 };
	auto_(free) char *errors = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(coproc_line(c, clock_after_ms(5000), &line, &e), 0);
	assert_string_equal(strbuf_text(&line), "last");
	assert_int_equal(coproc_line(c, clock_after_ms(5000), &line, &e), -1); /* what has no newline is no line */
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	errors = coproc_errors(c);
	assert_string_equal(errors, "why\n");
	for (int i = 0; i < 100 && coproc_send(c, "x", clock_after_ms(1000), &e) == 0; i++)
		clock_sleep_ms(10);
	assert_int_equal(e.code, FAIL_OTHER); /* a broken pipe, not our end */
}

static void what_cannot_start(void **state)
{
	const char *const argv[] = { "labctl-no-such-program", NULL };
	struct coproc *c = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(coproc_start(argv, &c, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_null(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_both_ways), cmocka_unit_test(a_program_that_does_not_read),
		cmocka_unit_test(a_program_that_ends), cmocka_unit_test(what_cannot_start),
	};

	signal(SIGPIPE, SIG_IGN); /* as labctl does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
