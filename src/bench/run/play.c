/* SPDX-License-Identifier: PostgreSQL */
/*
 * A load that lives through faults. Each client is a process of its own: a driver gives a client up after an error, and a shell starts
 * it again. What was in its hands then is a line of the log, as failed, doubtful or refused.
 */
#include <time.h>

#include "clock.h"
#include "measure.h"
#include "pool.h"
#include "run.h"

#define LIMIT_MS (25 * 60 * 60 * 1000LL) /* longer than a scenario can be */
#define END_STEP_MS 200
#define END_TRIES 25                     /* then a driver that waits for a server is killed */

void play_command(const struct measurer *w, const struct driver *driver, const struct drive *drives, unsigned count, struct strbuf *out)
{
	(void)w;
	strbuf_str(out, "rm -f out.* err.* log.* pids* stop; echo \"began $(date +%s%N)\"\n");
	/* This shell dies with labctl, at once. Then nobody is left who would end the others: one of them looks. */
	strbuf_str(out, "( while [ -d /proc/$$ ]; do sleep 1; done; for p in $(cat pids.*); do [ /proc/$p/cwd -ef . ] && kill -KILL $p; done ) & watch=$!\n");
	for (unsigned i = 0; i < count; i++) {
		strbuf_str(out, "( while [ ! -e stop ] && [ -d /proc/$$ ]; do\n");
		driver->command(&drives[i], out);
		strbuf_printf(out, " & echo $! >pids.%u; wait $!; status=$?; said=$(cat err.%u); : >err.%u; [ ! -e stop ] || break\n", i, i, i);
		strbuf_printf(out, "case $said in *'%s'*) how=refused;; *'%s'*) how=doubtful;; *) how=failed;; esac\n", driver->refused, driver->lost);
		strbuf_printf(out, "[ $status = 0 ] || echo \"0 0 $how 0 $(date +'%%s %%6N') 0\" >>log.%u.errors\n", i);
		strbuf_printf(out, "printf '%%s\\n' \"$said\" >>err.%u.all; sleep 0.1\ndone ) & p%u=$!\n", i, i);
	}
	for (unsigned i = 0; i < count; i++)
		strbuf_printf(out, "wait $p%u\n", i);
	strbuf_str(out, "kill $watch; times\n");
}

struct both {
	struct measurer *w;
	const char *command;
	struct strbuf *out;
	double warmup_s;
	struct fail *e;
	int ran;
	atomic_bool ended;     /* the load */
	int64_t stopped_us;
};

/* pgbench ends at SIGALRM as if its time were up, and writes the rest of its log. One that has just been started may miss it. */
static void end_load(struct both *b)
{
	struct fail ignored;

	client_put(b->w->client, "stop", "", &ignored);
	for (unsigned i = 0; !atomic_load(&b->ended); i++) {
		client_signal(b->w->client, i < END_TRIES ? "ALRM" : "TERM");
		clock_sleep_ms(END_STEP_MS);
	}
}

static void side(void *ctx, unsigned i)
{
	struct both *b = ctx;
	struct timespec now;

	if (i == 0) {
		b->ran = client_run(b->w->client, b->command, clock_after_ms(LIMIT_MS), NULL, NULL, b->out, b->e);
		atomic_store(&b->ended, true);
		return;
	}
	clock_sleep_ms((int64_t)(b->warmup_s * 1000));
	b->w->play->play(b->w->play->ctx);
	clock_gettime(CLOCK_REALTIME, &now);
	b->stopped_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	end_load(b);
}

int play_run(struct measurer *w, const char *command, double warmup_s, struct strbuf *out, int64_t *ret_stopped_us, struct fail *e)
{
	struct both b = { .w = w, .command = command, .out = out, .warmup_s = warmup_s, .e = e };

	pool_run(2, 2, side, &b);
	*ret_stopped_us = b.stopped_us;
	return b.ran;
}
