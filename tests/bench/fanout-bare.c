/* SPDX-License-Identifier: PostgreSQL */
/*
 * The reference of tests/bench/fanout: the minimum with libssh2. One thread, one poll loop, a state per node; no
 * deadlines, messages or retries. Usage: fanout-bare KEY NODES SCRIPT; NODES has lines "name ip port type base64".
 * Prints "nodes N failed F changed C".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#define NODES_MAX 256
#define COMMAND "exec bash --norc --noprofile -s"

enum state { CONNECTING, HANDSHAKE, AUTH, OPEN, EXEC, PUMP, CLOSE, DONE, FAILED };

struct node {
	char name[64], ip[64], type[64], key[512];
	unsigned port;
	int fd;
	enum state state;
	LIBSSH2_SESSION *session;
	LIBSSH2_CHANNEL *channel;
	size_t sent, changed, line_len;
	int eof_sent;
};

static struct node nodes[NODES_MAX];
static const char *user_key;
static char *script;
static size_t script_len;

static void start(struct node *n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)n->port) };
	int on = 1;

	inet_pton(AF_INET, n->ip, &to.sin_addr);
	n->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(n->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	n->state = CONNECTING;
	if (connect(n->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		n->state = FAILED;
	n->session = libssh2_session_init();
	libssh2_session_set_blocking(n->session, 0);
	libssh2_session_method_pref(n->session, LIBSSH2_METHOD_KEX, "curve25519-sha256");
	libssh2_session_method_pref(n->session, LIBSSH2_METHOD_HOSTKEY, n->type);
	libssh2_session_method_pref(n->session, LIBSSH2_METHOD_CRYPT_CS, "aes128-ctr");
	libssh2_session_method_pref(n->session, LIBSSH2_METHOD_CRYPT_SC, "aes128-ctr");
	libssh2_session_method_pref(n->session, LIBSSH2_METHOD_MAC_CS, "hmac-sha2-256");
	libssh2_session_method_pref(n->session, LIBSSH2_METHOD_MAC_SC, "hmac-sha2-256");
}

static int right_host(struct node *n)
{
	unsigned char blob[512];
	int type, len = EVP_DecodeBlock(blob, (unsigned char *)n->key, (int)strlen(n->key));
	size_t got;
	const char *key = libssh2_session_hostkey(n->session, &got, &type);

	return key && len == (int)got && !memcmp(key, blob, got);
}

/* Counts lines that begin with "::changed". */
static void count_changed(struct node *n, const char *data, ssize_t len)
{
	static const char word[] = "::changed";

	for (ssize_t i = 0; i < len; i++) {
		if (data[i] == '\n')
			n->line_len = 0;
		else if (n->line_len < sizeof(word) - 1 && data[i] == word[n->line_len]) {
			if (++n->line_len == sizeof(word) - 1)
				n->changed++;
		} else
			n->line_len = sizeof(word);
	}
}

static int pump(struct node *n)
{
	char data[32768];
	ssize_t got;
	int moved;

	do {
		moved = 0;
		while (n->sent < script_len) {
			got = libssh2_channel_write(n->channel, script + n->sent, script_len - n->sent);
			if (got <= 0)
				break;
			n->sent += (size_t)got;
			moved = 1;
		}
		if (n->sent == script_len && !n->eof_sent && libssh2_channel_send_eof(n->channel) == 0)
			n->eof_sent = moved = 1;
		while ((got = libssh2_channel_read_stderr(n->channel, data, sizeof(data))) > 0)
			moved = 1;
		while ((got = libssh2_channel_read(n->channel, data, sizeof(data))) > 0) {
			count_changed(n, data, got);
			moved = 1;
		}
		if (got < 0 && got != LIBSSH2_ERROR_EAGAIN)
			return -1;
	} while (moved);
	return libssh2_channel_eof(n->channel) ? 0 : LIBSSH2_ERROR_EAGAIN;
}

/* One call of the state's function; LIBSSH2_ERROR_EAGAIN = wait. */
static int step(struct node *n)
{
	int error = 0;
	socklen_t len = sizeof(error);

	switch (n->state) {
	case CONNECTING:
		getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		return error;
	case HANDSHAKE:
		error = libssh2_session_handshake(n->session, n->fd);
		return error ? error : right_host(n) ? 0 : -1;
	case AUTH:
		return libssh2_userauth_publickey_fromfile(n->session, "root", NULL, user_key, NULL);
	case OPEN:
		n->channel = libssh2_channel_open_session(n->session);
		return n->channel ? 0 : libssh2_session_last_errno(n->session);
	case EXEC:
		return libssh2_channel_exec(n->channel, COMMAND);
	case PUMP:
		return pump(n);
	case CLOSE:
		error = libssh2_channel_wait_closed(n->channel);
		return error ? error : libssh2_channel_get_exit_status(n->channel);
	default:
		return 0;
	}
}

static void advance(struct node *n)
{
	int on = 1, rc;

	while (n->state < DONE) {
		rc = step(n);
		setsockopt(n->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
		if (rc == LIBSSH2_ERROR_EAGAIN)
			return;
		if (rc)
			fprintf(stderr, "%s: state %d: %d\n", n->name, (int)n->state, rc);
		n->state = rc ? FAILED : n->state + 1;
	}
}

static int load(const char *nodes_path, const char *script_path)
{
	FILE *f = fopen(nodes_path, "r");
	int count = 0;

	while (f && count < NODES_MAX && fscanf(f, "%63s %63s %u %63s %511s", nodes[count].name, nodes[count].ip,
						&nodes[count].port, nodes[count].type, nodes[count].key) == 5)
		count++;
	if (f)
		fclose(f);
	f = fopen(script_path, "r");
	script = malloc(1 << 20);
	script_len = f && script ? fread(script, 1, 1 << 20, f) : 0;
	if (f)
		fclose(f);
	return count;
}

int main(int argc, char **argv)
{
	int count = argc == 4 ? load(argv[2], argv[3]) : 0, running, failed = 0;
	struct pollfd polls[NODES_MAX];
	size_t changed = 0;

	if (!count || !script_len || libssh2_init(0))
		return 2;
	user_key = argv[1];
	for (int i = 0; i < count; i++)
		start(&nodes[i]);
	do {
		running = 0;
		for (int i = 0; i < count; i++) {
			struct node *n = &nodes[i];
			int directions = n->state > CONNECTING ? libssh2_session_block_directions(n->session) : 0;

			polls[i].fd = n->state < DONE ? n->fd : -1;
			polls[i].events = n->state == CONNECTING || directions & LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLOUT : 0;
			if (n->state > CONNECTING)
				polls[i].events |= POLLIN;
			running += n->state < DONE;
		}
		if (running && poll(polls, (nfds_t)count, -1) < 0)
			return 2;
		for (int i = 0; i < count; i++)
			if (polls[i].fd >= 0 && polls[i].revents)
				advance(&nodes[i]);
	} while (running);
	for (int i = 0; i < count; i++) {
		failed += nodes[i].state == FAILED;
		changed += nodes[i].changed;
		libssh2_session_disconnect(nodes[i].session, "");
		close(nodes[i].fd);
	}
	printf("nodes %d failed %d changed %zu\n", count, failed, changed);
	return failed != 0;
}
