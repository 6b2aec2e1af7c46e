/* SPDX-License-Identifier: PostgreSQL */
/*
 * Bad lab files and their complete lists of problems: tests/golden/lab/NAME.yaml and NAME.expect.
 * LABCTL_REGENERATE=1 rewrites the lists; review the difference.
 */
#include "test.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "lab.h"


static void check_file(const char *path)
{
	auto_(strbuf_clear) struct strbuf text = {0}, expect = {0}, expect_path = {0};
	auto_(lab_free) struct lab *lab = NULL;
	const char *name = strrchr(path, '/') + 1;
	struct fail e = {0};

	assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
	if (lab_parse(strbuf_text(&text), text.len, name, NULL, &lab, &e) == 0)
		fail_msg("%s: is accepted", name);
	assert_int_equal(e.code, FAIL_LAB);
	assert_null(lab);
	strbuf_printf(&expect_path, "%.*s.expect", (int)(strlen(path) - strlen(".yaml")), path);
	strbuf_truncate(&text, 0);
	strbuf_printf(&text, "%s%s", e.evidence, e.evidence[strlen(e.evidence) - 1] == '\n' ? "" : "\n");
	if (getenv("LABCTL_REGENERATE")) {
		assert_int_equal(file_write(expect_path.text, text.text, text.len, 0644, &e), 0);
		return;
	}
	if (file_read(expect_path.text, 1 << 20, &expect, &e) < 0)
		fail_msg("%s", e.text);
	if (strcmp(strbuf_text(&expect), strbuf_text(&text)))
		fail_msg("%s: problems differ\n--- expected\n%s--- seen\n%s", name, strbuf_text(&expect), strbuf_text(&text));
}

static void bad_files(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob(SOURCE_DIR "/tests/golden/lab/*.yaml", 0, NULL, &found), 0);
	assert_true(found.gl_pathc > 10);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_file(found.gl_pathv[i]);
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bad_files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
