/* SPDX-License-Identifier: PostgreSQL */
/*
 * Runs a script on many nodes as labctl does, without the rest of labctl: link/ssh.h in as many threads as `labctl exec`
 * uses. Usage and output as fanout-bare.c.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "ssh.h"

#define NODES_MAX 256
#define THREADS 64

struct node {
	char name[64], ip[64], key[640];
	unsigned port;
	size_t changed;
	struct fail fail;
};

static struct node nodes[NODES_MAX];
static atomic_uint next;
static unsigned count;
static const char *user_key;
static struct strbuf script;

static void see_line(void *ctx, const char *line)
{
	struct node *n = ctx;

	n->changed += !strncmp(line, "::changed", 9);
}

static void run(struct node *n)
{
	struct ssh_target t = { .node = n->name, .ip = n->ip, .port = n->port, .user = "root", .private_key = user_key,
				.host_key = n->key };
	auto_(strbuf_clear) struct strbuf err = { 0 };
	struct ssh_run r = { .command = "exec bash --norc --noprofile -s", .input = script.text, .input_len = script.len,
			     .err = &err, .line = see_line, .line_ctx = n, .deadline_ms = clock_after_ms(120000) };
	auto_(ssh_close) struct ssh *s = NULL;
	int status = 0;

	if (ssh_open(&t, clock_after_ms(30000), &s, &n->fail) < 0 || ssh_run(s, &r, &status, &n->fail) < 0)
		return;
	if (status) {
		fail(&n->fail, FAIL_REMOTE, "%s: status %d", n->name, status);
		fail_evidence(&n->fail, strbuf_text(&err), 5);
	}
}

static void *worker(void *ctx)
{
	unsigned i;

	(void)ctx;
	while ((i = atomic_fetch_add(&next, 1)) < count)
		run(&nodes[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	const char *limit = getenv("FANOUT_THREADS");
	unsigned started = 0, failed = 0, most = limit ? (unsigned)atoi(limit) : THREADS;
	size_t changed = 0;
	struct fail e = { 0 };
	char type[64], key[512];
	FILE *f;

	if (argc != 4 || file_read(argv[3], 1 << 20, &script, &e) < 0 || !(f = fopen(argv[2], "r")))
		return 2;
	user_key = argv[1];
	while (count < NODES_MAX && fscanf(f, "%63s %63s %u %63s %511s", nodes[count].name, nodes[count].ip,
					   &nodes[count].port, type, key) == 5) {
		snprintf(nodes[count].key, sizeof(nodes[count].key), "%s %s", type, key);
		count++;
	}
	fclose(f);
	while (started + 1 < most && started + 1 < THREADS && started + 1 < count && !pthread_create(&threads[started], NULL, worker, NULL))
		started++;
	worker(NULL);
	while (started)
		pthread_join(threads[--started], NULL);
	for (unsigned i = 0; i < count; i++) {
		changed += nodes[i].changed;
		failed += nodes[i].fail.code != 0;
		if (nodes[i].fail.code)
			fprintf(stderr, "%s\n%s", nodes[i].fail.text, nodes[i].fail.evidence);
	}
	printf("nodes %u failed %u changed %zu\n", count, failed, changed);
	strbuf_clear(&script);
	return failed != 0;
}
