/* SPDX-License-Identifier: BSD-2-Clause */
/* A sleepy server: it listens, and accepts only when told. Partners: crowd, linger, any client. */
#include "demo.h"

static const char usage[] =
	"usage: backlog [-b BACKLOG] [-a ADDRESS] [-d SECONDS]\n"
	"  -b BACKLOG  given to listen() (1)\n"
	"  -a ADDRESS  listen on this address only (0.0.0.0)\n"
	"  -d SECONDS  TCP_DEFER_ACCEPT: a connection counts only when its data is here\n"
	"Commands on stdin: accept, listen N, read, write TEXT, shutdown, close, quit.\n"
	"They act on the connection accepted last.\n";

/* For a listener the kernel reports its accept queue in two fields that else mean segments. */
static void print_queue(int listenfd)
{
	static unsigned int waiting = -1, limit = -1;
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(listenfd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		die("getsockopt failed");
	if (info.tcpi_unacked != waiting || info.tcpi_sacked != limit)
		printf("accept queue: %u waiting, limit %u\n", info.tcpi_unacked, info.tcpi_sacked);
	waiting = info.tcpi_unacked;
	limit = info.tcpi_sacked;
}

static void report(const char *call, long result)
{
	if (result < 0)
		printf("%s failed: %s\n", call, error_text(errno));
	else
		printf("%s returned %ld\n", call, result);
}

/* Blocks in accept() if nobody waits. Returns the new connection, or the old one on failure. */
static int do_accept(int listenfd, int connfd)
{
	struct address peer = {.len = sizeof(peer.storage)};
	int fd = accept(listenfd, &peer.sa, &peer.len);

	if (fd < 0) {
		report("accept", fd);
		return connfd;
	}
	struct address local = address_local(fd);

	printf("accepted %s at %s\n", address_text(&peer), address_text(&local));
	return fd;
}

static void do_read(int connfd)
{
	char buf[MAXLINE];
	ssize_t n = read(connfd, buf, sizeof(buf));

	if (n < 0)
		report("read", n);
	else
		printf("received %zd bytes: %.*s\n", n, (int)n, buf);
}

int main(int argc, char **argv)
{
	const char *host = "0.0.0.0";
	int backlog = 1, connfd = -1, defer = 0;
	char line[MAXLINE];
	int opt;

	while ((opt = getopt(argc, argv, "b:a:d:h")) != -1) {
		if (opt == 'b')
			backlog = whole_number(optarg);
		else if (opt == 'a')
			host = optarg;
		else if (opt == 'd')
			defer = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}

	int listenfd = tcp_listen(host, SERV_PORT, backlog);
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	if (defer)
		set_option(listenfd, IPPROTO_TCP, TCP_DEFER_ACCEPT, defer);
	setvbuf(stdin, NULL, _IONBF, 0); /* poll() cannot see what stdio has buffered */
	for (;;) {
		print_queue(listenfd);
		if (poll(&input, 1, 50) <= 0)
			continue;
		if (!fgets(line, sizeof(line), stdin)) {
			input.fd = -1; /* end of the input: sleep on */
			continue;
		}
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "accept"))
			connfd = do_accept(listenfd, connfd);
		else if (!strncmp(line, "listen ", 7))
			report(line, listen(listenfd, atoi(line + 7)));
		else if (!strcmp(line, "read"))
			do_read(connfd);
		else if (!strncmp(line, "write ", 6))
			report("send", send(connfd, line + 6, strlen(line + 6), MSG_NOSIGNAL));
		else if (!strcmp(line, "shutdown"))
			report("shutdown", shutdown(connfd, SHUT_WR));
		else if (!strcmp(line, "close"))
			report("close", close(connfd));
		else if (!strcmp(line, "quit"))
			return 0;
		else
			printf("not understood: %s\n", line);
	}
}
