/* SPDX-License-Identifier: BSD-2-Clause */
/* Connects one UDP socket to each address in turn: the first source address sticks. */
#include "demo.h"

static const char usage[] =
	"usage: udpreconnect [-d] [-b ADDRESS] [-p PORT] <IPaddress>...\n"
	"  -d          dissolve the association (AF_UNSPEC) before each next connect\n"
	"  -b ADDRESS  bind to this local address first, port 7100\n"
	"  -p PORT     port of the peers (9527)\n";

static void print_names(int fd)
{
	struct address local = address_local(fd);
	struct address peer = {.len = sizeof(peer.storage)};
	bool connected = getpeername(fd, &peer.sa, &peer.len) == 0;

	printf("  local %s, peer %s\n", address_text(&local),
	       connected ? address_text(&peer) : "none");
}

static void try_send(int fd)
{
	if (send(fd, "hello", 5, 0) < 0)
		printf("  send failed: %s\n", error_text(errno));
	else
		printf("  send bytes: 5\n");
}

static void disconnect(int fd)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (connect(fd, &none, sizeof(none)) < 0)
		die("connect(AF_UNSPEC) failed");
	printf("connect(AF_UNSPEC)\n");
	print_names(fd);
	try_send(fd);
}

int main(int argc, char **argv)
{
	const char *source = NULL;
	bool dissolve = false;
	int port = SERV_PORT;
	int opt;

	while ((opt = getopt(argc, argv, "db:p:h")) != -1) {
		if (opt == 'd')
			dissolve = true;
		else if (opt == 'b')
			source = optarg;
		else if (opt == 'p')
			port = port_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind == argc)
		usage_exit('?', usage);

	struct address to = address_parse(argv[optind], port);
	int fd = socket(to.sa.sa_family, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket failed");
	if (source) {
		struct address from = address_parse(source, 7100);

		if (bind(fd, &from.sa, from.len) < 0)
			die("bind failed");
	}
	for (int i = optind; i < argc; i++) {
		if (dissolve && i > optind)
			disconnect(fd);
		to = address_parse(argv[i], port);
		if (connect(fd, &to.sa, to.len) < 0)
			printf("connect %s failed: %s\n", address_text(&to), error_text(errno));
		else
			printf("connect %s\n", address_text(&to));
		print_names(fd);
		try_send(fd);
	}
	return 0;
}
