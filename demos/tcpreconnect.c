/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls connect() again on one TCP socket: in vain, after a refusal, after a disconnect. */
#include "demo.h"

static const char usage[] =
	"usage: tcpreconnect [-p CLOSED_PORT] <IPaddress>\n"
	"  -p CLOSED_PORT  where nobody listens (7777); then SERV_PORT 9527, where backlog does\n";

static void try_connect(int fd, const struct address *to)
{
	int result = connect(fd, &to->sa, to->len);

	printf("connect %s: %s, state %s\n", address_text(to),
	       result < 0 ? error_text(errno) : "ok", tcp_state(fd));
}

int main(int argc, char **argv)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	int closed_port = 7777;
	int opt;

	while ((opt = getopt(argc, argv, "p:h")) != -1) {
		if (opt == 'p')
			closed_port = port_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address closed = address_parse(argv[optind], closed_port);
	struct address server = address_parse(argv[optind], SERV_PORT);
	int fd = socket(server.sa.sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket failed");
	try_connect(fd, &closed);
	try_connect(fd, &server); /* a refusal leaves the socket as good as new */
	try_connect(fd, &server);
	if (connect(fd, &none, sizeof(none)) < 0) /* aborts: the peer gets a RST */
		die("connect(AF_UNSPEC) failed");
	printf("connect(AF_UNSPEC): ok, state %s\n", tcp_state(fd));
	try_connect(fd, &server);
	return 0;
}
