/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers every datagram, whoever sent it; remembers nothing but their number. */
#include "demo.h"

static const char usage[] =
	"usage: udpserver [-b ADDRESS]\n"
	"  -b ADDRESS  receive on this address only (0.0.0.0: all of them; :: both families)\n";

static volatile sig_atomic_t count;

static void recvfrom_int(int signo)
{
	(void)signo;
	finish_with_count(count, "datagrams");
}

int main(int argc, char **argv)
{
	const char *host = "0.0.0.0";
	char reply[4 + MAXLINE] = "Hi, "; /* the greeting, then the datagram itself */
	char *message = reply + 4;
	int opt;

	while ((opt = getopt(argc, argv, "b:h")) != -1) {
		if (opt == 'b')
			host = optarg;
		else
			usage_exit(opt, usage);
	}

	struct address server = address_parse(host, SERV_PORT);
	int socketfd = socket(server.sa.sa_family, SOCK_DGRAM, 0);

	if (socketfd < 0)
		die("socket failed");
	if (bind(socketfd, &server.sa, server.len) < 0)
		die("bind failed");
	on_signal(SIGINT, recvfrom_int);
	on_signal(SIGTERM, recvfrom_int);

	for (;;) {
		struct address client = {.len = sizeof(client.storage)}; /* value-result */
		ssize_t n = recvfrom(socketfd, message, MAXLINE, 0, &client.sa, &client.len);

		if (n < 0)
			die("recvfrom failed");
		count++;
		printf("received %zd bytes: %.*s\n", n, (int)n, message);
		if (sendto(socketfd, reply, 4 + n, 0, &client.sa, client.len) < 0)
			fprintf(stderr, "sendto failed: %s\n", error_text(errno));
	}
}
