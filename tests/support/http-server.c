/* SPDX-License-Identifier: PostgreSQL */
/*
 * http-server FILE LOG CUT TIMES: serves FILE on a port of 127.0.0.1, for every path, and supports "Range". It breaks the
 * first TIMES connections before byte CUT of the file. The first line of LOG is the port; then a line per request with the
 * number of the first requested byte.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *said;

static void answer(int to, int file, off_t size, off_t end)
{
	char request[4096] = "";
	const char *range;
	size_t len = 0;
	off_t from = 0;
	ssize_t got;

	while (!strstr(request, "\r\n\r\n") && (got = recv(to, request + len, sizeof request - 1 - len, 0)) > 0)
		request[len += (size_t)got] = '\0';
	range = strcasestr(request, "\r\nRange: bytes=");
	if (range)
		from = strtol(strchr(range, '=') + 1, NULL, 10);
	fprintf(said, "%lld\n", (long long)from);
	fflush(said);
	dprintf(to, "HTTP/1.1 %s\r\nETag: \"one\"\r\nContent-Length: %lld\r\n", from ? "206 Partial Content" : "200 OK",
		(long long)(size - from));
	if (from)
		dprintf(to, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)from, (long long)size - 1, (long long)size);
	dprintf(to, "Connection: close\r\n\r\n");
	while (from < end && sendfile(to, file, &from, (size_t)(end - from)) > 0)
		;
	shutdown(to, SHUT_WR);
	while (recv(to, request, sizeof request, 0) > 0)
		;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), file = argc == 5 ? open(argv[1], O_RDONLY) : -1;
	socklen_t len = sizeof address;
	struct stat st;
	long times;
	off_t cut;

	signal(SIGPIPE, SIG_IGN);
	said = argc == 5 ? fopen(argv[2], "w") : NULL;
	if (!said || fstat(file, &st) || bind(listener, (struct sockaddr *)&address, len) || listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&address, &len)) {
		perror("http-server FILE LOG CUT TIMES");
		return 1;
	}
	cut = strtol(argv[3], NULL, 10);
	times = strtol(argv[4], NULL, 10);
	fprintf(said, "%u\n", ntohs(address.sin_port));
	fflush(said);
	for (;;) {
		int to = accept(listener, NULL, NULL);

		if (to < 0)
			continue;
		answer(to, file, st.st_size, times-- > 0 ? cut : st.st_size);
		close(to);
	}
}
