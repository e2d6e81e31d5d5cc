/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads from one client. Stop it with Ctrl-C while the client is there, then start it again. */
#include "demo.h"

static const char usage[] =
	"usage: addressused [-r] [-b ADDRESS]\n"
	"  -r          set SO_REUSEADDR before bind (addressused2 of the notes)\n"
	"  -b ADDRESS  listen on this address only (0.0.0.0: all of them; :: both families)\n";

int main(int argc, char **argv)
{
	const char *host = "0.0.0.0";
	char message[MAXLINE];
	bool reuse = false;
	int opt;

	while ((opt = getopt(argc, argv, "rb:h")) != -1) {
		if (opt == 'r')
			reuse = true;
		else if (opt == 'b')
			host = optarg;
		else
			usage_exit(opt, usage);
	}

	struct address addr = address_parse(host, SERV_PORT);
	int listenfd = socket(addr.sa.sa_family, SOCK_STREAM, 0);

	if (listenfd < 0)
		die("socket failed");
	if (reuse)
		set_option(listenfd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(listenfd, &addr.sa, addr.len) < 0)
		die("bind failed");
	if (listen(listenfd, LISTENQ) < 0)
		die("listen failed");

	int connfd = accept(listenfd, NULL, NULL);

	if (connfd < 0)
		die("accept failed");
	/* No handler for SIGINT: Ctrl-C ends the process silently, the kernel sends the FIN. */
	for (;;) {
		ssize_t n = read(connfd, message, sizeof(message));

		if (n < 0)
			die("error read");
		if (n == 0)
			quit("client closed");
		printf("received %zd bytes: %.*s\n", n, (int)n, message);
	}
}
