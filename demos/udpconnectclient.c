/* SPDX-License-Identifier: BSD-2-Clause */
/* A connected UDP socket: no packet is sent for it, but now errors come back. */
#include "demo.h"

static const char usage[] =
	"usage: udpconnectclient [-t SECONDS] <IPaddress>\n"
	"  -t SECONDS  wait no longer than this for an answer (for ever)\n";

int main(int argc, char **argv)
{
	char line[MAXLINE + 1], reply[MAXLINE];
	double timeout = 0;
	int opt;

	while ((opt = getopt(argc, argv, "t:h")) != -1) {
		if (opt == 't')
			timeout = number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address server = address_parse(argv[optind], SERV_PORT);
	int socketfd = socket(server.sa.sa_family, SOCK_DGRAM, 0);

	if (socketfd < 0)
		die("socket failed");
	if (connect(socketfd, &server.sa, server.len) < 0)
		die("connect failed");
	set_timeout(socketfd, SO_RCVTIMEO, timeout);

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		printf("now sending %s\n", line);
		/* Linux accepts the address here; BSD systems answer EISCONN. */
		ssize_t n = sendto(socketfd, line, strlen(line), 0, &server.sa, server.len);

		if (n < 0)
			die("sendto failed");
		printf("send bytes: %zd \n", n);
		n = recvfrom(socketfd, reply, sizeof(reply), 0, NULL, NULL);
		if (n < 0 && errno == EAGAIN)
			printf("no answer within %g s\n", timeout);
		else if (n < 0)
			die("recvfrom failed");
		else
			printf("%.*s\n", (int)n, reply);
	}
	return 0;
}
