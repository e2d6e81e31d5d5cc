/* SPDX-License-Identifier: BSD-2-Clause */
/* A server's first steps, and the name the kernel gives it. Ends at the end of its input. */
#include "demo.h"

static const char usage[] =
	"usage: makesocket [-b ADDRESS] [-r] [-u] [-l BACKLOG] [PORT]\n"
	"  -b ADDRESS  bind to this address only (0.0.0.0: all of them; :: both families)\n"
	"  -r          set SO_REUSEADDR before bind\n"
	"  -u          leave out bind: listen() chooses a port\n"
	"  -l BACKLOG  listen with this backlog (not at all; 1024 with -u)\n"
	"  PORT        port to bind (9527); 0 lets the kernel choose\n";

/* A stream socket bound to host:port, or with host NULL to nothing. */
static int make_socket(const char *host, int port, bool reuse)
{
	struct address name = address_parse(host ? host : "0.0.0.0", port);
	int sock = socket(name.sa.sa_family, SOCK_STREAM, 0);

	if (sock < 0)
		die("socket failed");
	if (reuse)
		set_option(sock, SOL_SOCKET, SO_REUSEADDR, 1);
	if (host && bind(sock, &name.sa, name.len) < 0)
		die("bind failed");
	return sock;
}

int main(int argc, char **argv)
{
	const char *host = "0.0.0.0";
	bool reuse = false;
	int backlog = -1;
	int opt;

	while ((opt = getopt(argc, argv, "b:rul:h")) != -1) {
		if (opt == 'b')
			host = optarg;
		else if (opt == 'r')
			reuse = true;
		else if (opt == 'u')
			host = NULL;
		else if (opt == 'l')
			backlog = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind < argc - 1)
		usage_exit('?', usage);
	if (!host && backlog < 0)
		backlog = LISTENQ;

	int sock = make_socket(host, optind < argc ? port_number(argv[optind]) : SERV_PORT, reuse);
	struct address name = address_local(sock);

	printf("%s %s, state %s\n", host ? "bound to" : "not bound:", address_text(&name),
	       tcp_state(sock));
	if (backlog >= 0) {
		if (listen(sock, backlog) < 0)
			die("listen failed");
		name = address_local(sock);
		printf("listening on %s, state %s\n", address_text(&name), tcp_state(sock));
	}
	while (getchar() != EOF)
		;
	close(sock);
	return 0;
}
