/* SPDX-License-Identifier: BSD-2-Clause */
/* The slow reader: takes one KB at a time and rests after each. Partner: tcpclient. */
#include "demo.h"

static const char usage[] =
	"usage: tcpserver [-b ADDRESS] [-d MS] [-i] [-s]\n"
	"  -b ADDRESS  listen on this address only (0.0.0.0: all of them; :: both families)\n"
	"  -d MS       rest after each KB, in milliseconds (1)\n"
	"  -i          ignore a failed bind, as the notes do: listen() then picks a port itself\n"
	"  -s          check that the bytes are the numbers of tcpclient -s, in their order\n";

/* Reads until size bytes are there. Returns fewer only at end of file, -1 on error. */
static ssize_t readn(int fd, void *buffer, size_t size)
{
	char *p = buffer;
	size_t left = size;

	while (left > 0) {
		ssize_t n = read(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue; /* a signal came before any byte: nothing is lost */
		if (n < 0)
			return -1;
		if (n == 0)
			break; /* the peer's FIN: no more will come */
		p += n;
		left -= n;
	}
	return size - left;
}

/* How many of the n bytes are what stands at this place of the numbers. */
static size_t count_right(const char *buf, size_t n, size_t place)
{
	size_t right = 0;

	for (size_t i = 0; i < n; i++)
		right += buf[i] == number_at(place + i);
	return right;
}

static void read_data(int fd, double delay_ms, bool numbers)
{
	size_t sum = 0, right = 0;
	char buf[1024];
	ssize_t n;

	for (int time = 1;; time++) {
		printf("block in read\n");
		n = readn(fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		right += count_right(buf, n, sum);
		sum += n;
		if (n == sizeof(buf))
			printf("1K read for %d \n", time);
		else
			printf("%zd bytes read for %d \n", n, time);
		sleep_seconds(delay_ms / 1000);
	}
	if (n < 0)
		fprintf(stderr, "read failed: %s\n", error_text(errno));
	if (numbers)
		printf("%zu bytes, %zu of them in their place\n", sum, right);
}

int main(int argc, char **argv)
{
	const char *host = "0.0.0.0";
	double delay_ms = 1;
	bool ignore_bind = false, numbers = false;
	int opt;

	while ((opt = getopt(argc, argv, "b:d:ish")) != -1) {
		if (opt == 'b')
			host = optarg;
		else if (opt == 'd')
			delay_ms = number(optarg);
		else if (opt == 'i')
			ignore_bind = true;
		else if (opt == 's')
			numbers = true;
		else
			usage_exit(opt, usage);
	}

	struct address addr = address_parse(host, STREAM_PORT);
	int listenfd = socket(addr.sa.sa_family, SOCK_STREAM, 0);

	if (listenfd < 0)
		die("socket failed");
	set_option(listenfd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(listenfd, &addr.sa, addr.len) < 0) {
		if (!ignore_bind)
			die("bind failed");
		fprintf(stderr, "bind failed: %s, ignored\n", error_text(errno));
	}
	if (listen(listenfd, LISTENQ) < 0)
		die("listen failed");
	addr = address_local(listenfd);
	printf("listening on %s\n", address_text(&addr));
	for (;;) {
		int connfd = accept(listenfd, NULL, NULL);

		if (connfd < 0)
			die("accept failed");
		read_data(connfd, delay_ms, numbers);
		close(connfd);
	}
}
