/* SPDX-License-Identifier: BSD-2-Clause */
/* "Out of band" is one byte of the stream with a pointer to it. Both ends in one process. */
#include "demo.h"

static const char usage[] = "usage: oob\n";

int main(int argc, char **argv)
{
	char normal[16], urgent[16];
	int opt = getopt(argc, argv, "h");

	if (opt != -1 || optind != argc)
		usage_exit(opt, usage);

	int listenfd = tcp_listen("127.0.0.1", SERV_PORT, 1);
	int client = tcp_connect("127.0.0.1", SERV_PORT);
	int server = accept(listenfd, NULL, NULL);
	struct pollfd watch = {.fd = server, .events = POLLPRI};

	if (server < 0)
		die("accept failed");
	if (send(client, "ab", 2, 0) < 0)
		die("send failed");
	printf("sent ab\n");
	if (send(client, "xyz", 3, MSG_OOB) < 0)
		die("send failed");
	printf("sent xyz with MSG_OOB\n");
	if (poll(&watch, 1, 2000) != 1)
		quit("no urgent data arrived");

	ssize_t u = recv(server, urgent, sizeof(urgent), MSG_OOB);
	ssize_t n = recv(server, normal, sizeof(normal), 0); /* a read stops at the urgent mark */

	if (u < 0 || n < 0)
		die("recv failed");
	printf("received %zd bytes out of band: %.*s\n", u, (int)u, urgent);
	printf("received %zd bytes as usual: %.*s\n", n, (int)n, normal);
	return 0;
}
