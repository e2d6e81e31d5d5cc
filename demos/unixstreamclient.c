/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends each line typed over a local stream socket and prints the answer. */
#include "demo.h"

static const char usage[] =
	"usage: unixstreamclient [-f] <local_path>\n"
	"  -f  send a fixed 4096 bytes per line and take one read for one answer, as the notes do\n"
	"  A path that begins with @ is an abstract name: no file at all.\n";

/*
 * One answer: a line with its newline, or in fixed mode whatever one read returns.
 * Returns 1, at end of file 0, on error -1.
 */
static int receive(FILE *in, char *text, size_t size, bool fixed)
{
	ssize_t n;

	if (!fixed) {
		if (fgets(text, size, in))
			return 1;
		return ferror(in) ? -1 : 0;
	}
	n = read(fileno(in), text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? 1 : n;
}

int main(int argc, char **argv)
{
	char line[MAXLINE + 1], answer[4 + MAXLINE + 1];
	bool fixed = false;
	int opt;

	while ((opt = getopt(argc, argv, "fh")) != -1) {
		if (opt == 'f')
			fixed = true;
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address server = address_path(argv[optind]);
	int sockfd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (sockfd < 0)
		die("socket failed");
	if (connect(sockfd, &server.sa, server.len) < 0)
		die("connect failed");
	signal(SIGPIPE, SIG_IGN); /* a server that is gone shall be an error, not our end */

	FILE *in = fdopen(sockfd, "r");

	if (!in)
		die("fdopen failed");
	memset(line, 0, sizeof(line));
	while (fgets(line, sizeof(line) - 1, stdin)) { /* -1: room for a missing newline */
		size_t len = strlen(line);

		if (!strchr(line, '\n'))
			line[len++] = '\n';
		if (write_all(sockfd, line, fixed ? BUFFER_SIZE : len) < 0)
			die("write failed");

		int got = receive(in, answer, sizeof(answer), fixed);

		if (got < 0)
			die("read failed");
		if (got == 0)
			quit("server terminated prematurely");
		printf("%s", answer);
		memset(line, 0, sizeof(line)); /* else -f would send the rest of a longer line */
	}
	fclose(in);
	return 0;
}
