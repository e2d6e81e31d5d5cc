/* SPDX-License-Identifier: BSD-2-Clause */
/* Connects to the first client and from then on hears nobody else, until it says goodbye. */
#include "demo.h"

static const char usage[] = "usage: udpconnectserver\n";

static volatile sig_atomic_t count;

static void recvfrom_int(int signo)
{
	(void)signo;
	finish_with_count(count, "datagrams");
}

int main(int argc, char **argv)
{
	char reply[4 + MAXLINE + 1] = "Hi, "; /* the greeting, then the datagram itself */
	char *message = reply + 4;
	int opt = getopt(argc, argv, "h");

	if (opt != -1 || optind != argc)
		usage_exit(opt, usage);

	struct address server = address_parse("0.0.0.0", SERV_PORT);
	struct address client = {.len = sizeof(client.storage)};
	int socketfd = socket(AF_INET, SOCK_DGRAM, 0);

	if (socketfd < 0)
		die("socket failed");
	if (bind(socketfd, &server.sa, server.len) < 0)
		die("bind failed");
	on_signal(SIGINT, recvfrom_int);
	on_signal(SIGTERM, recvfrom_int);

	ssize_t n = recvfrom(socketfd, message, MAXLINE, 0, &client.sa, &client.len);

	if (n < 0)
		die("recvfrom failed");
	if (connect(socketfd, &client.sa, client.len) < 0)
		die("connect failed");
	for (;;) {
		count++;
		message[n] = '\0';
		printf("received %zd bytes: %s\n", n, message);
		ssize_t sent = send(socketfd, reply, 4 + n, 0);

		if (sent < 0)
			die("send failed");
		printf("send bytes: %zd \n", sent);
		if (!strncmp(message, "goodbye", 7))
			return 0;
		n = recv(socketfd, message, MAXLINE, 0);
		if (n < 0)
			die("recv failed");
	}
}
