/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers a request when all of it is there. Partner: twowrites. */
#include "demo.h"

static const char usage[] = "usage: twowritesserver\n";

struct header {
	uint16_t quickack; /* network order; 1 asks for TCP_QUICKACK */
	uint16_t length;   /* network order; bytes of body that follow */
};

/* Reads exactly size bytes. Returns false when the client has gone. */
static bool read_all(int fd, void *data, size_t size, bool *quickack)
{
	ssize_t n = recv(fd, data, size, MSG_WAITALL);

	if (*quickack) /* the kernel forgets it, so it is set after each read */
		set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
	return n == (ssize_t)size;
}

static void serve(int fd)
{
	struct header head;
	char body[UINT16_MAX];
	bool quickack = false;
	long requests = 0;

	while (read_all(fd, &head, sizeof(head), &quickack)) {
		if (ntohs(head.quickack) && !quickack) {
			quickack = true;
			set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
		}
		if (!read_all(fd, body, ntohs(head.length), &quickack))
			break;
		requests++;
		if (send(fd, "done", 4, MSG_NOSIGNAL) < 0)
			break;
	}
	printf("answered %ld requests\n", requests);
}

int main(int argc, char **argv)
{
	int opt = getopt(argc, argv, "h");

	if (opt != -1 || optind != argc)
		usage_exit(opt, usage);

	int listenfd = tcp_listen("0.0.0.0", SERV_PORT, LISTENQ);

	for (;;) {
		int connfd = accept(listenfd, NULL, NULL);

		if (connfd < 0)
			die("accept failed");
		serve(connfd);
		close(connfd);
	}
}
