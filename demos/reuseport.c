/* SPDX-License-Identifier: BSD-2-Clause */
/* Several listeners on one port with SO_REUSEPORT: which of them gets a connection? */
#include "demo.h"

static const char usage[] =
	"usage: reuseport [-n CONNECTIONS]\n"
	"  -n CONNECTIONS  to each destination (40)\n";

static int listener(const char *host)
{
	struct address a = address_parse(host, SERV_PORT);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket failed");
	set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (bind(fd, &a.sa, a.len) < 0)
		die("bind failed");
	if (listen(fd, LISTENQ) < 0)
		die("listen failed");
	return fd;
}

/* Connects n times to host and tells how many each listener got. */
static void spread(const char *what, const char *host, int n, const int *listeners, int count)
{
	int got[3] = {0};

	for (int i = 0; i < n; i++) {
		int client = tcp_connect(host, SERV_PORT);
		struct pollfd watch[3];

		for (int j = 0; j < count; j++)
			watch[j] = (struct pollfd){.fd = listeners[j], .events = POLLIN};
		if (poll(watch, count, 1000) != 1)
			quit("not exactly one listener was chosen");
		for (int j = 0; j < count; j++) {
			if (watch[j].revents) {
				int fd = accept(listeners[j], NULL, NULL);

				if (fd < 0)
					die("accept failed");
				got[j]++;
				close(fd);
			}
		}
		close(client);
	}
	printf("%s, %d connections to %s:", what, n, host);
	for (int j = 0; j < count; j++)
		printf(" %d", got[j]);
	printf("\n");
}

int main(int argc, char **argv)
{
	int n = 40;
	int opt;

	while ((opt = getopt(argc, argv, "n:h")) != -1) {
		if (opt == 'n')
			n = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}

	int same[2] = {listener("127.0.0.1"), listener("127.0.0.1")};

	spread("two listeners at 127.0.0.1", "127.0.0.1", n, same, 2);
	close(same[0]);
	close(same[1]);

	int mixed[3] = {listener("0.0.0.0"), listener("127.0.0.1"), listener("127.0.0.2")};

	spread("0.0.0.0, 127.0.0.1, 127.0.0.2", "127.0.0.1", n, mixed, 3);
	spread("0.0.0.0, 127.0.0.1, 127.0.0.2", "127.0.0.2", n, mixed, 3);
	spread("0.0.0.0, 127.0.0.1, 127.0.0.2", "127.0.0.3", n, mixed, 3);
	return 0;
}
