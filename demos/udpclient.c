/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends each line typed and waits for its answer: for ever, if it is lost. */
#include "demo.h"

static const char usage[] =
	"usage: udpclient [-t SECONDS] [-z] <IPaddress>\n"
	"  -t SECONDS  wait no longer than this for an answer (for ever, as the notes have it)\n"
	"  -z          give recvfrom() no room for the address (length 0), as the notes do\n";

int main(int argc, char **argv)
{
	char line[MAXLINE + 1], reply[MAXLINE];
	double timeout = 0;
	bool no_room = false;
	int opt;

	while ((opt = getopt(argc, argv, "t:zh")) != -1) {
		if (opt == 't')
			timeout = number(optarg);
		else if (opt == 'z')
			no_room = true;
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address server = address_parse(argv[optind], SERV_PORT);
	int socketfd = socket(server.sa.sa_family, SOCK_DGRAM, 0);

	if (socketfd < 0)
		die("socket failed");
	set_timeout(socketfd, SO_RCVTIMEO, timeout);

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		printf("now sending %s\n", line);
		ssize_t n = sendto(socketfd, line, strlen(line), 0, &server.sa, server.len);

		if (n < 0)
			die("sendto failed");
		printf("send bytes: %zd \n", n);

		struct address from;

		do {
			from.sa.sa_family = AF_UNSPEC;
			from.len = no_room ? 0 : sizeof(from.storage); /* in: room, out: length */
			n = recvfrom(socketfd, reply, sizeof(reply), 0, &from.sa, &from.len);
			if (n >= 0 && no_room)
				printf("address: room for 0 bytes, %u would be needed, family %d\n",
				       from.len, from.sa.sa_family);
			else if (n >= 0 && !address_equal(&from, &server))
				printf("ignored: a datagram from %s\n", address_text(&from));
		} while (n >= 0 && !no_room && !address_equal(&from, &server));
		if (n < 0 && errno == EAGAIN)
			printf("no answer within %g s\n", timeout);
		else if (n < 0)
			die("recvfrom failed");
		else
			printf("%.*s\n", (int)n, reply);
	}
	return 0;
}
