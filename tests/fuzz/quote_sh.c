/* SPDX-License-Identifier: PostgreSQL */
/* Quoting for shells, read back by a real sh and a real bash, started once. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quote.h"

#define NOBODY 65534
#define ANSWER_MS 15000

static struct shell { const char *const *argv; int to, from; } shells[] = {
	{ (const char *const[]){ "/bin/sh", NULL }, -1, -1 },
	{ (const char *const[]){ "/bin/bash", "--norc", "--noprofile", "-s", NULL }, -1, -1 }, /* as on nodes */
};

/* Broken quoting would run the fuzzer's input as commands: so no privileges, no new processes, no writing to files. */
static void harmless(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		_exit(126);
	if (chdir("/proc/self/fdinfo") < 0 || setrlimit(RLIMIT_NPROC, &none) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0)
		_exit(126);
}

static void start(struct shell *s)
{
	static const char *const env[] = { "LC_ALL=C.UTF-8", "PATH=/nowhere", NULL };
	int in[2], out[2];

	PROMISE(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	if (fork() == 0) {
		harmless();
		if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0)
			_exit(126);
		execve(s->argv[0], (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)env);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	s->to = in[1];
	s->from = out[0];
}

/* Answers end with a newline, the last byte of @wanted, so that a wrong one does not cause a long wait. */
static void ask(struct shell *s, const struct strbuf *command, const char *wanted, size_t len)
{
	char got[8192];
	size_t have = 0;

	if (s->to < 0)
		start(s);
	PROMISE(write(s->to, command->text, command->len) == (ssize_t)command->len, "%s is gone", s->argv[0]);
	while (have < len) {
		struct pollfd p = { .fd = s->from, .events = POLLIN };
		ssize_t n;
		int ready;

		while ((ready = poll(&p, 1, ANSWER_MS)) < 0 && errno == EINTR) /* interrupted by libFuzzer's timer */
			;
		PROMISE(ready == 1, "%s does not answer: %s", s->argv[0], command->text);
		n = read(s->from, got + have, len - have);
		PROMISE(n > 0, "%s ended: %s", s->argv[0], command->text);
		have += (size_t)n;
	}
	PROMISE(!memcmp(got, wanted, len), "%s: %s", s->argv[0], command->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size < 2000 ? size : 2000);
	auto_(strbuf_clear) struct strbuf command = { 0 }, wanted = { 0 };

	/* A separate word, and one joined to another, as in scripts. */
	strbuf_str(&command, "printf '%s|' ");
	quote_add(&command, QUOTE_SH, text);
	strbuf_str(&command, " x=");
	quote_add(&command, QUOTE_SH, text);
	strbuf_str(&command, "; v=");
	quote_add(&command, QUOTE_SH, text);
	strbuf_str(&command, "; printf '%s\\n' \"$v\" '' end\n");
	strbuf_printf(&wanted, "%s|x=%s|%s\n\nend\n", text, text, text);
	for (size_t i = 0; i < ARRAY_COUNT(shells); i++)
		ask(&shells[i], &command, wanted.text, wanted.len);
	return 0;
}
