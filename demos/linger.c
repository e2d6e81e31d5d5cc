/* SPDX-License-Identifier: BSD-2-Clause */
/* What SO_LINGER makes of close() with data queued. Partners: backlog (never reads), tcpserver. */
#include "demo.h"

static const char usage[] =
	"usage: linger [-l SECONDS] [-n BYTES] [-e close|shutdown|exit] [-p PORT] <IPaddress>\n"
	"  -l SECONDS  SO_LINGER: 0 resets and discards, more waits (option off)\n"
	"  -n BYTES    what to send first (as much as goes in without blocking)\n"
	"  -e HOW      how to end (close)\n"
	"  -p PORT     port of the server (9527)\n";

/* Sends up to size bytes without ever blocking. Returns how many went in. */
static size_t fill(int fd, size_t size)
{
	static const char block[65536];
	size_t sum = 0;

	while (sum < size) {
		size_t part = size - sum < sizeof(block) ? size - sum : sizeof(block);
		ssize_t n = send(fd, block, part, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			die("send failed");
		sum += n;
	}
	return sum;
}

int main(int argc, char **argv)
{
	struct linger linger = {0};
	const char *how = "close";
	size_t size = SIZE_MAX;
	int port = SERV_PORT, queued = 0;
	int opt, result;

	while ((opt = getopt(argc, argv, "l:n:e:p:h")) != -1) {
		if (opt == 'l')
			linger = (struct linger){.l_onoff = 1, .l_linger = whole_number(optarg)};
		else if (opt == 'n')
			size = number(optarg);
		else if (opt == 'e')
			how = optarg;
		else if (opt == 'p')
			port = port_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1 ||
	    (strcmp(how, "close") && strcmp(how, "shutdown") && strcmp(how, "exit")))
		usage_exit('?', usage);

	int fd = tcp_connect(argv[optind], port);

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		die("setsockopt failed");
	size = fill(fd, size);
	if (ioctl(fd, SIOCOUTQ, &queued) < 0)
		die("ioctl failed");
	printf("sent %zu bytes, %d of them not acknowledged, linger %s %d s\n", size, queued,
	       linger.l_onoff ? "on" : "off", linger.l_linger);
	if (!strcmp(how, "exit"))
		return 0; /* linger 0 resets here too; a longer one does not wait */

	double start = now_ms();

	result = strcmp(how, "close") ? shutdown(fd, SHUT_WR) : close(fd);
	printf("%s returned %d after %.1f ms\n", how, result, now_ms() - start);
	return 0;
}
