/* SPDX-License-Identifier: BSD-2-Clause */
/* A connected UDP socket used with send() and recv(). Partner: udpconnectserver. */
#include "demo.h"

static const char usage[] =
	"usage: udpconnectclient2 [-k] [-t SECONDS] <IPaddress>\n"
	"  -k          keep going after an error: a server that comes back is found again\n"
	"  -t SECONDS  wait no longer than this for an answer (for ever)\n";

int main(int argc, char **argv)
{
	char line[MAXLINE + 1], reply[MAXLINE];
	bool keep_going = false;
	double timeout = 0;
	int opt;

	while ((opt = getopt(argc, argv, "kt:h")) != -1) {
		if (opt == 'k')
			keep_going = true;
		else if (opt == 't')
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
		const char *call = "send";

		line[strcspn(line, "\n")] = '\0';
		printf("now sending %s\n", line);
		ssize_t n = send(socketfd, line, strlen(line), 0);

		if (n >= 0) {
			printf("send bytes: %zd \n", n);
			call = "recv";
			n = recv(socketfd, reply, sizeof(reply), 0);
		}
		if (n >= 0)
			printf("%.*s\n", (int)n, reply);
		else if (errno == EAGAIN)
			printf("no answer within %g s\n", timeout);
		else
			fprintf(stderr, "%s failed: %s\n", call, error_text(errno));
		if (n < 0 && errno != EAGAIN && !keep_going)
			return 1;
	}
	return 0;
}
