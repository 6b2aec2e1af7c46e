/* SPDX-License-Identifier: PostgreSQL */
/*
 * Restores sequences that a GTM has lost, and corrects the values of others. Built together with Postgres-XC, because
 * message numbers differ between versions.
 *
 * Usage: gtm_sequence HOST PORT <LINES
 * A line: KEY INCREMENT MIN MAX START CYCLE LAST
 *   KEY    the GTM's name of the sequence, database.schema.name, its bytes in hexadecimal
 *   CYCLE  t or f
 *   LAST   the last value used, or - for none: the next is START then
 * Output, for each line: "made KEY", "set KEY" or "failed KEY". The GTM's log has the reasons of failures.
 * Exit: 0 all worked, 1 some failed, 2 no connection or an invalid line.
 */
#include "gtm/gtm_c.h"
#include "gtm/gtm_client.h"
#include "gtm/libpq-fe.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX 256         /* three names of up to 63 bytes, and dots */
#define DEADLINE_S 50       /* if the GTM dies, its client library waits forever */

/* The library shares files with the servers, which define these; no client function uses them. */
pthread_key_t threadinfo_key;
pthread_t TopMostThreadID;
int tcp_keepalives_idle, tcp_keepalives_interval, tcp_keepalives_count;

#ifdef XCP /* Postgres-XL: the GTM keeps what a session has set; nobody's session means everybody */
#define set_value(conn, key, value) set_val(conn, key, NULL, 0, value, true)
#else
#define set_value(conn, key, value) set_val(conn, key, value, true)
#endif

struct sequence {
	char hex[2 * KEY_MAX + 1], key[KEY_MAX + 1], cycle[2], last[24];
	int64_t increment, min, max, start;
};

static int read_key(struct sequence *s)
{
	size_t len = strlen(s->hex) / 2;

	if (!len || strlen(s->hex) % 2 || strspn(s->hex, "0123456789abcdef") != 2 * len)
		return -1;
	for (size_t i = 0; i < len; i++) {
		const char byte[] = { s->hex[2 * i], s->hex[2 * i + 1], '\0' };

		s->key[i] = (char)strtoul(byte, NULL, 16);
	}
	s->key[len] = '\0';
	return 0;
}

/* Returns 1 for a line, 0 at the end of the input, -1 for an invalid line. */
static int read_line(struct sequence *s)
{
	char line[1024], end;

	if (!fgets(line, sizeof line, stdin))
		return 0;
	if (sscanf(line, "%512s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %1s %23s %c", s->hex, &s->increment, &s->min,
		   &s->max, &s->start, s->cycle, s->last, &end) != 7)
		return -1;
	return read_key(s) < 0 || !strchr("tf", s->cycle[0]) ? -1 : 1;
}

int main(int argc, char **argv)
{
	struct sequence s;
	GTM_Conn *conn;
	char where[512];
	int failed = 0, status;

	if (argc != 3)
		return 2;
	alarm(DEADLINE_S);
	snprintf(where, sizeof where, "host=%s port=%s node_name=labctl remote_type=%d", argv[1], argv[2], GTM_NODE_DEFAULT);
	conn = PQconnectGTM(where);
	if (!conn || GTMPQstatus(conn) != CONNECTION_OK) {
		fprintf(stderr, "gtm_sequence: no connection to the GTM at %s, port %s\n", argv[1], argv[2]);
		return 2;
	}
	while ((status = read_line(&s)) > 0) {
		GTM_SequenceKeyData key = { .gsk_keylen = (uint32)strlen(s.key) + 1, .gsk_key = s.key };
		const char *did = "made";

		/* The GTM rejects a sequence that it has, and keeps it unchanged. */
		if (open_sequence(conn, &key, s.increment, s.min, s.max, s.start, s.cycle[0] == 't'))
			did = "set";
		if (*s.last != '-' || s.last[1] ? set_value(conn, &key, strtoll(s.last, NULL, 10)) : 0)
			did = "failed";
		failed |= *did == 'f';
		printf("%s %s\n", did, s.hex);
	}
	GTMPQfinish(conn);
	if (status < 0)
		fprintf(stderr, "gtm_sequence: invalid input line\n");
	return status < 0 ? 2 : failed;
}
