/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends lines; "shutdown" closes one direction, "close" both. Partner: graceserver. */
#include "demo.h"

static const char usage[] =
	"usage: graceclient [-s SECONDS] <IPaddress>\n"
	"  -s SECONDS  how long to stay after \"close\", while the kernel still answers (6)\n"
	"Lines: \"shutdown\" ends sending, as does the end of the input; \"close\" closes;\n"
	"all others are sent without their newline.\n";

static double stay = 6;
static bool typing = true; /* still watching stdin? */

/* What was typed and not yet used. stdio would hide a second line from select(). */
static char typed[MAXLINE];
static size_t used;

/* Moves the first complete line into line. A full buffer counts as a line. */
static bool take_line(char *line)
{
	char *end = memchr(typed, '\n', used);
	size_t n = end ? (size_t)(end - typed) : used;
	size_t skip = end ? n + 1 : n;

	if (!end && used < sizeof(typed))
		return false;
	memcpy(line, typed, n);
	line[n] = '\0';
	used -= skip;
	memmove(typed, typed + skip, used);
	return true;
}

static void end_sending(int fd)
{
	typing = false;
	if (shutdown(fd, SHUT_WR) < 0)
		die("shutdown failed");
}

static void obey(int fd, const char *line)
{
	if (!strcmp(line, "shutdown")) {
		end_sending(fd);
	} else if (!strcmp(line, "close")) {
		if (close(fd) < 0)
			die("close failed");
		sleep_seconds(stay);
		exit(0);
	} else {
		printf("now sending %s\n", line);
		if (write_all(fd, line, strlen(line)) < 0)
			die("write failed");
		printf("send bytes: %zu \n", strlen(line));
	}
}

static void read_input(int fd)
{
	char line[MAXLINE + 1];
	ssize_t n = read(STDIN_FILENO, typed + used, sizeof(typed) - used);
	bool at_end = n <= 0;

	if (!at_end)
		used += n;
	else if (used > 0)
		typed[used++] = '\n'; /* take_line() left room: a full buffer was a line */
	while (typing && take_line(line))
		obey(fd, line);
	if (typing && at_end)
		end_sending(fd);
}

int main(int argc, char **argv)
{
	char received[MAXLINE];
	int opt;

	while ((opt = getopt(argc, argv, "s:h")) != -1) {
		if (opt == 's')
			stay = number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address server = address_parse(argv[optind], SERV_PORT);
	int fd = socket(server.sa.sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket failed");
	if (connect(fd, &server.sa, server.len) < 0)
		die("connect failed");
	for (;;) {
		fd_set ready;

		FD_ZERO(&ready);
		FD_SET(fd, &ready);
		if (typing)
			FD_SET(STDIN_FILENO, &ready);
		if (select(fd + 1, &ready, NULL, NULL, NULL) < 0)
			die("select failed");
		if (FD_ISSET(fd, &ready)) {
			ssize_t n = read(fd, received, sizeof(received));

			if (n < 0)
				die("read failed");
			if (n == 0)
				quit("server terminated");
			printf("%.*s\n", (int)n, received);
		}
		if (FD_ISSET(STDIN_FILENO, &ready))
			read_input(fd);
	}
}
