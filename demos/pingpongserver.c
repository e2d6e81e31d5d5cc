/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers PING with PONG: what the kernel's keepalive cannot prove, that the program lives. */
#include "demo.h"

static const char usage[] =
	"usage: pingpongserver [-s SECONDS] [-m]\n"
	"  -s SECONDS  think time before each PONG (0)\n"
	"  -m          mute: read everything, answer nothing\n";

enum message_type { PING = 1, PONG = 2, DATA = 3 };

struct message {
	uint32_t type; /* network order */
	char text[60];
};

int main(int argc, char **argv)
{
	double think = 0;
	bool mute = false;
	int opt;

	while ((opt = getopt(argc, argv, "s:mh")) != -1) {
		if (opt == 's')
			think = number(optarg);
		else if (opt == 'm')
			mute = true;
		else
			usage_exit(opt, usage);
	}

	int listenfd = tcp_listen("0.0.0.0", SERV_PORT, LISTENQ);
	int connfd = accept(listenfd, NULL, NULL);

	if (connfd < 0)
		die("accept failed");
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		struct message m;
		ssize_t n = recv(connfd, &m, sizeof(m), MSG_WAITALL);

		if (n < 0)
			die("recv failed");
		if (n < (ssize_t)sizeof(m))
			quit("client closed");
		if (ntohl(m.type) == DATA) {
			printf("received data: %.*s\n", (int)sizeof(m.text), m.text);
			continue;
		}
		printf("received PING\n");
		if (mute)
			continue;
		sleep_seconds(think);
		m.type = htonl(PONG);
		if (write_all(connfd, &m, sizeof(m)) < 0)
			die("write failed");
		printf("sent PONG\n");
	}
}
