/* SPDX-License-Identifier: PostgreSQL */
/* base/: failures, strings, arenas, quoting, suggestions, templates, files, processes. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "digest.h"
#include "fail.h"
#include "file.h"
#include "proc.h"
#include "quote.h"
#include "suggest.h"
#include "template.h"

static void failures_are_one_line(void **state)
{
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(fail(&e, FAIL_SSH, "node %s: no\nroute\x1b[31m", "n1"), -1);
	assert_string_equal(e.text, "node n1: no route [31m");
	fail_wrap(&e, "lab %s", "x");
	assert_string_equal(e.text, "lab x: node n1: no route [31m");
	assert_int_equal(e.code, FAIL_SSH);
	fail_evidence(&e, "one\ntwo\r\nthree\x1b[2J\n\n", 2);
	assert_string_equal(e.evidence, "two\nthree?[2J");
	fail_evidence(&e, NULL, 2);
	assert_string_equal(e.evidence, "");
	/* control characters beyond C0: DEL, and C1 in UTF-8; other characters of two bytes stay */
	fail(&e, FAIL_SSH, "a\x7f\xc2\x9b" "31mb\xc2\xa9");
	assert_string_equal(e.text, "a   31mb\xc2\xa9");
	fail_next(&e, "ls\x1b[2J");
	assert_string_equal(e.next, "ls [2J");
	fail_evidence(&e, "a\x7f\xc2\x9b" "31mb\xc3\xa4\xc2", 2);
	assert_string_equal(e.evidence, "a??31mb\xc3\xa4\xc2");
	fail_evidence(&e, "1%\r2%\xc2\r\x9b\r\n3%", 2); /* what remains must not form a control character */
	assert_string_equal(e.evidence, "1%?2%\xc2?\x9b\n3%");
	assert_string_equal(fail_code_name(FAIL_DB), "DB");
}

static void failures_carry_causes(void **state)
{
	struct fail e = { 0 };

	(void)state;
	errno = ENOSPC;
	fail_errno(&e, FAIL_OTHER, "write x");
	assert_int_equal(e.cause, CAUSE_NO_SPACE);
	assert_int_equal(e.error, ENOSPC);
	assert_string_equal(fail_cause_name(e.cause), "no-space");
	fail_wrap(&e, "node3");
	assert_int_equal(e.cause, CAUSE_NO_SPACE);
	fail(&e, FAIL_OTHER, "something else");
	assert_int_equal(e.cause, CAUSE_NONE);
	assert_int_equal(e.error, 0);
	/* programs give only text, no code */
	fail_evidence(&e, "cp: error writing 'x': No space left on device\n", 5);
	assert_int_equal(e.cause, CAUSE_NO_SPACE);
	/* the server's message stays where it was */
	fail(&e, FAIL_DB, "node1: sql: no such thing");
	e.said = strlen("node1: sql: ");
	fail_wrap(&e, "x.sql:1");
	assert_string_equal(e.text, "x.sql:1: node1: sql: no such thing");
	assert_string_equal(fail_said(&e), "no such thing");
	for (unsigned i = 1; i < CAUSE_COUNT; i++)
		assert_true(*fail_cause_name(i));
}

static void arenas_keep_arrays(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	unsigned *list = NULL;
	size_t count = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		*arena_push(a, list, count) = i;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(list[i], i);
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	assert_int_equal((uintptr_t)arena_alloc(a, 3) % 16, 0);
	assert_non_null(arena_alloc(a, 1 << 20));
}

static void quoted(enum quote kind, const char *in, const char *want)
{
	auto_(strbuf_clear) struct strbuf b = { 0 };

	quote_add(&b, kind, in);
	assert_string_equal(strbuf_text(&b), want);
}

static void quoting_by_kind(void **state)
{
	(void)state;
	quoted(QUOTE_SH, "plain-1.2/x", "plain-1.2/x");
	quoted(QUOTE_SH, "", "''");
	quoted(QUOTE_SH, "a'b $(x)\n", "'a'\\''b $(x)\n'");
	quoted(QUOTE_SQL, "it's", "'it''s'");
	quoted(QUOTE_SQL, "a\\'b", "E'a\\\\''b'");
	quoted(QUOTE_IDENT, "a\"b", "\"a\"\"b\"");
	quoted(QUOTE_CONF, "a'b\\c\n", "'a''b\\\\c\\n'");
	quoted(QUOTE_XML, "<a b='c'>&\"", "&lt;a b=&apos;c&apos;&gt;&amp;&quot;");
	quoted(QUOTE_SSH, "/a b/%h/\"c\\d", "\"/a b/%%h/\\\"c\\\\d\"");
	quoted(QUOTE_RAW, "$x", "$x");
	assert_int_equal(quote_named("ident"), QUOTE_IDENT);
	assert_int_equal(quote_named("html"), QUOTE_COUNT);
}

static void what_is_shown_of_a_source(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();

	(void)state;
	assert_string_equal(quote_url("https://u:p@h:8/a.tar.gz", a), "https://h:8/a.tar.gz");
	assert_string_equal(quote_url("https://u:p@@h/a@b", a), "https://h/a@b");
	assert_string_equal(quote_url("https://h/a.tar.gz?token=secret#x", a), "https://h/a.tar.gz?...");
	assert_string_equal(quote_url("ftp://u:p@h?secret", a), "ftp://h?...");
	assert_string_equal(quote_url("https://h/a.tar.gz", a), "https://h/a.tar.gz");
	assert_string_equal(quote_url("/a/b?c://u:p@h", a), "/a/b?c://u:p@h");
	assert_string_equal(quote_url("debian12", a), "debian12");
}

/* A real shell reads back exactly what was quoted. */
static void shell_round_trip(void **state)
{
	static const char *const words[] = { "x", "", "a b", "'", "\"", "\\", "$(id)", "`id`", "a\nb\n", "*", "~", "-n", "%s\\n", "é" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		auto_(strbuf_clear) struct strbuf script = { 0 }, out = { 0 };
		struct fail e = { 0 };
		const char *argv[] = { "sh", "-c", NULL, NULL };

		strbuf_str(&script, "printf %s ");
		quote_add(&script, QUOTE_SH, words[i]);
		argv[2] = script.text;
		assert_int_equal(proc_check(&(struct proc){ .argv = argv, .out = &out, .deadline_ms = clock_after_ms(10000) }, &e), 0);
		assert_string_equal(strbuf_text(&out), words[i]);
	}
}

static void nearest_word(void **state)
{
	static const char *const known[] = { "create", "bootstrap", "destroy", "status", NULL };
	struct fail e = { 0 };

	(void)state;
	assert_string_equal(suggest("craete", known), "create");
	assert_string_equal(suggest("boostrap", known), "bootstrap");
	assert_string_equal(suggest("stats", known), "status");
	assert_null(suggest("zzz", known));
	assert_null(suggest("x", known));
	assert_int_equal(suggest_fail(&e, "unknown command", "stats", known), -1);
	assert_int_equal(e.code, FAIL_USAGE);
	assert_non_null(strstr(e.text, "unknown command 'stats'; did you mean 'status'? Known: "));
	suggest_fail(&e, "unknown command", "zzz", known);
	assert_non_null(strstr(e.text, "unknown command 'zzz'; known: "));
}

struct list {
	size_t at;
	char text[16];
};

static const char *list_value(void *ctx, const char *name)
{
	struct list *l = ctx;

	if (!strcmp(name, "item.n")) {
		snprintf(l->text, sizeof l->text, "%zu", l->at);
		return l->text;
	}
	if (!strcmp(name, "name"))
		return "it's";
	if (!strcmp(name, "yes"))
		return "true";
	if (!strcmp(name, "no"))
		return "false";
	return NULL;
}

static bool list_each(void *ctx, const char *name, size_t index, bool *known)
{
	struct list *l = ctx;

	if (strcmp(name, "item") && strcmp(name, "none")) {
		*known = false;
		return false;
	}
	if (index == SIZE_MAX)
		return false;
	l->at = index;
	return index < (strcmp(name, "item") ? 0 : 3);
}

static void expands(const char *text, enum quote bare, const char *want)
{
	struct list l = { 0 };
	struct template_scope scope = { list_value, list_each, &l };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct fail e = { 0 };
	int r = template_expand("t", text, bare, &scope, &out, &e);

	if (r < 0)
		assert_string_equal(e.text, want);
	else
		assert_string_equal(strbuf_text(&out), want);
}

static void templates(void **state)
{
	(void)state;
	expands("a @{name} b @{name:sh} @{name:sql}", QUOTE_RAW, "a it's b 'it'\\''s' 'it''s'");
	expands("@{each item}\nx@{item.n}\n@{end}\ny", QUOTE_RAW, "x0\nx1\nx2\ny");
	expands("@{each item}@{item.n},@{end}.", QUOTE_RAW, "0,1,2,.");
	expands("[@{each none}x@{unknown}@{end}]", QUOTE_RAW, "[]");
	expands("@{if yes}\n  a\n@{else}\n  b\n@{end}\nc", QUOTE_RAW, "  a\nc");
	expands("@{if no}a@{else}b@{end}", QUOTE_RAW, "b");
	expands("@{if no}@{each item}@{if yes}x@{end}@{end}@{end}.", QUOTE_RAW, ".");
	expands("@{each item}@{if yes}@{item.n}@{end}@{end}", QUOTE_RAW, "012");
	{ /* a scope without lists */
		struct list l = { 0 };
		struct template_scope scope = { .value = list_value, .ctx = &l };
		auto_(strbuf_clear) struct strbuf out = { 0 };
		struct fail e = { 0 };

		assert_int_equal(template_expand("t", "a\n@{each item}x@{end}", QUOTE_RAW, &scope, &out, &e), -1);
		assert_string_equal(e.text, "t:2: unknown list item");
	}
	expands("mail@@{name} @ {", QUOTE_RAW, "mail@{name} @ {");
	expands("x\n@{nobody}", QUOTE_RAW, "t:2: unknown name nobody");
	expands("@{name}", QUOTE_COUNT, "t:1: missing kind of quoting (@{name:sh}, :sql, :ident...) of name");
	expands("@{name:html}", QUOTE_RAW, "t:1: unknown kind of quoting html");
	expands("@{each item}", QUOTE_RAW, "t:1: missing @{end}");
	expands("@{each bees}@{end}", QUOTE_RAW, "t:1: unknown list bees");
	expands("@{end}", QUOTE_RAW, "t:1: @{end} or @{else} without a block");
	expands("@{name", QUOTE_RAW, "t:1: unclosed @{");
}

static void files(void **state)
{
	char dir[] = "/tmp/labctl-test.XXXXXX", path[64], deep[128];
	auto_(strbuf_clear) struct strbuf text = { 0 };
	auto_(close) int lock = -1;
	struct fail e = { 0 };
	struct stat st;
	int second;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a", dir);
	assert_int_equal(file_write(path, "one\ntwo\nthree\n", 14, 0600, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* A temporary file or link that is already there is replaced, not followed. */
	snprintf(deep, sizeof deep, "%s/a.new", dir);
	assert_int_equal(symlink("/etc/passwd", deep), 0);
	assert_int_equal(file_write(path, "one\ntwo\nthree\n", 14, 0600, &e), 0);
	assert_int_equal(lstat(deep, &st), -1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(file_read(path, 100, &text, &e), 0);
	assert_string_equal(text.text, "one\ntwo\nthree\n");
	assert_int_equal(file_read(path, 5, &text, &e), -1);
	assert_int_equal(file_read("/nonexistent", 5, &text, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	auto_(free) char *tail = file_tail(path, 2);
	assert_string_equal(tail, "two\nthree");
	snprintf(path, sizeof path, "%s/lock", dir);
	assert_int_equal(file_lock(path, "create", clock_after_ms(0), &lock, &e), 0);
	assert_int_equal(file_lock(path, "destroy", clock_after_ms(60), &second, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_non_null(strstr(e.text, "(create)"));
	/* A link out of the tree is removed; its target is not. */
	snprintf(deep, sizeof deep, "%s/x/y/z", dir);
	assert_int_equal(file_mkdirs(deep, 0700, &e), 0);
	snprintf(deep, sizeof deep, "%s/x/y/link", dir);
	assert_int_equal(symlink("/etc", deep), 0);
	snprintf(deep, sizeof deep, "%s", dir);
	assert_int_equal(file_remove_tree(deep, &e), 0);
	assert_false(file_exists(dir));
	assert_true(file_exists("/etc/passwd"));
	assert_int_equal(file_remove_tree(dir, &e), 0);
	assert_true(file_space_bytes("/tmp/no/such/dir") > 0);
}

static void collect(void *ctx, const char *line)
{
	strbuf_printf(ctx, "[%s]", line);
}

static void children_get_no_descriptor_of_a_library(void **state)
{
	const char *const look[] = { "sh", "-c", "test ! -e /proc/$$/fd/200", NULL };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(dup2(0, 200), 200);
	assert_int_equal(proc_check(&(struct proc){ .argv = look, .deadline_ms = clock_after_ms(5000) }, &e), 0);
	close(200);
}

/* As after `labctl 0<&- >&- 2>&-`: /dev/null and pipes get 0, 1 and 2, and the child still has its three streams. */
static void programs_without_standard_streams(void **state)
{
	static const char *const echo[] = { "sh", "-c", "read word; echo \"$word\"; echo err >&2", NULL };
	static const char *const look[] = { "sh", "-c", "cd /proc/$$/fd && test -e 0 -a -e 1 -a -e 2", NULL };
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		auto_(strbuf_clear) struct strbuf out = { 0 };
		struct proc p = { .argv = echo, .input = "in\n", .input_len = 3, .out = &out, .deadline_ms = clock_after_ms(10000) };
		struct proc without = { .argv = look, .deadline_ms = clock_after_ms(10000) };
		struct fail e = { 0 };

		for (int fd = 0; fd < 3; fd++)
			close(fd);
		if (proc_check(&p, &e) < 0 || proc_check(&without, &e) < 0)
			_exit(2);
		_exit(strcmp(strbuf_text(&out), "in\n") ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void processes(void **state)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	const char *const cat[] = { "cat", NULL }, *const no[] = { "no-such-program", NULL };
	const char *const sleeper[] = { "sh", "-c", "trap '' TERM; sleep 30 & wait", NULL };
	const char *const bad[] = { "sh", "-c", "echo why >&2; exit 3", NULL };
	const char *const lines[] = { "sh", "-c", "echo seen; printf b", NULL };
	struct fail e = { 0 };
	atomic_bool cancel = true;
	int64_t began;
	int status;

	(void)state;
	assert_int_equal(proc_check(&(struct proc){ .argv = cat, .input = "hi", .input_len = 2, .out = &out, .deadline_ms = clock_after_ms(5000) }, &e), 0);
	assert_string_equal(out.text, "hi");
	assert_int_equal(proc_run(&(struct proc){ .argv = no, .deadline_ms = CLOCK_NEVER }, &status, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_int_equal(proc_run(&(struct proc){ .argv = bad, .deadline_ms = CLOCK_NEVER }, &status, &e), 0);
	assert_int_equal(status, 3);
	assert_int_equal(proc_check(&(struct proc){ .argv = bad, .deadline_ms = CLOCK_NEVER }, &e), -1);
	assert_string_equal(e.evidence, "why");
	began = clock_now_ms();
	assert_int_equal(proc_run(&(struct proc){ .argv = sleeper, .deadline_ms = clock_after_ms(100) }, &status, &e), -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_true(clock_now_ms() - began < 20000);
	assert_int_equal(proc_run(&(struct proc){ .argv = sleeper, .deadline_ms = CLOCK_NEVER, .cancel = &cancel }, &status, &e), -1);
	assert_int_equal(e.code, FAIL_CANCELED);
	strbuf_truncate(&out, 0);
	assert_int_equal(proc_check(&(struct proc){ .argv = lines, .line = collect, .line_ctx = &out, .deadline_ms = CLOCK_NEVER }, &e), 0);
	assert_string_equal(out.text, "[seen][b]");
}

static void digests(void **state)
{
	char hex[DIGEST_HEX], uuid[37], again[37], secret[25];

	(void)state;
	digest_text("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_uuid("labctl/lab/x", uuid);
	digest_uuid("labctl/lab/x", again);
	assert_string_equal(uuid, again);
	assert_int_equal(uuid[14], '8');
	digest_secret(secret, 24);
	assert_int_equal(strlen(secret), 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_are_one_line), cmocka_unit_test(failures_carry_causes),
		cmocka_unit_test(arenas_keep_arrays),
		cmocka_unit_test(quoting_by_kind), cmocka_unit_test(what_is_shown_of_a_source),       cmocka_unit_test(shell_round_trip),
		cmocka_unit_test(nearest_word),          cmocka_unit_test(templates),
		cmocka_unit_test(files),                 cmocka_unit_test(processes),
		cmocka_unit_test(children_get_no_descriptor_of_a_library),
		cmocka_unit_test(programs_without_standard_streams),
		cmocka_unit_test(digests),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
