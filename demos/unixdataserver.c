/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers every datagram whose sender has a name; ends on Ctrl-C. */
#include "demo.h"

static const char usage[] =
	"usage: unixdataserver [-z] [-k] <local_path>\n"
	"  -z  take an empty datagram for \"client quit\" and end, as the notes do\n"
	"  -k  keep the socket file at exit\n"
	"  A path that begins with @ is an abstract name: no file at all.\n";

static const char *path_to_remove;

static void on_end(int signo)
{
	if (path_to_remove)
		unlink(path_to_remove);
	_exit(128 + signo);
}

int main(int argc, char **argv)
{
	char reply[4 + MAXLINE] = "Hi, "; /* the greeting, then the datagram itself */
	char *text = reply + 4;
	bool empty_ends = false, keep = false;
	int opt;

	while ((opt = getopt(argc, argv, "zkh")) != -1) {
		if (opt == 'z')
			empty_ends = true;
		else if (opt == 'k')
			keep = true;
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	const char *path = argv[optind];
	struct address addr = address_path(path);
	int socketfd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (socketfd < 0)
		die("socket failed");
	unlink(path);
	if (bind(socketfd, &addr.sa, addr.len) < 0)
		die("bind failed");
	if (!keep && path[0] != '@')
		path_to_remove = path;
	on_signal(SIGINT, on_end);
	on_signal(SIGTERM, on_end);

	for (;;) {
		struct address client = {.len = sizeof(client.storage)};
		ssize_t n = recvfrom(socketfd, text, MAXLINE, 0, &client.sa, &client.len);

		if (n < 0)
			die("recvfrom failed");
		if (n == 0 && empty_ends)
			break;
		printf("Receive: %.*s \n", (int)n, text);
		printf("now sending: %.*s \n", (int)n + 4, reply);
		/* An unbound sender has no name, and so no way back: ENOTCONN. */
		if (sendto(socketfd, reply, 4 + n, 0, &client.sa, client.len) < 0)
			fprintf(stderr, "sendto %s failed: %s\n", address_text(&client),
				error_text(errno));
	}
	printf("client quit\n");
	if (path_to_remove)
		unlink(path_to_remove);
	return 0;
}
