/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves one client over a local stream socket until its end of file. */
#include "demo.h"

static const char usage[] =
	"usage: unixstreamserver [-f] [-k] [-q BACKLOG] <local_path>\n"
	"  -f          one read is one message, each reply is 4096 bytes, as the notes do\n"
	"  -k          keep the socket file at exit: clients find it, and nobody behind it\n"
	"  -q BACKLOG  backlog of listen() (1024)\n"
	"  A path that begins with @ is an abstract name: no file at all.\n";

static const char *path_to_remove;

static void on_end(int signo)
{
	if (path_to_remove)
		unlink(path_to_remove);
	_exit(128 + signo);
}

/*
 * One message: a line with its newline, or in fixed mode whatever one read returns.
 * Returns 1, at end of file 0, on error -1.
 */
static int receive(FILE *in, char *text, bool fixed)
{
	ssize_t n;

	if (!fixed) {
		if (fgets(text, MAXLINE + 1, in))
			return 1;
		return ferror(in) ? -1 : 0;
	}
	n = read(fileno(in), text, MAXLINE);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? 1 : n;
}

static void serve(int fd, bool fixed)
{
	char text[MAXLINE + 1], reply[4 + MAXLINE + 1];
	FILE *in = fdopen(fd, "r");
	int got;

	if (!in)
		die("fdopen failed");
	while ((got = receive(in, text, fixed)) > 0) {
		printf("Receive: %s%s", text, strchr(text, '\n') ? "" : "\n");
		memset(reply, 0, sizeof(reply));
		int len = snprintf(reply, sizeof(reply), "Hi, %s", text);

		if (write_all(fd, reply, fixed ? BUFFER_SIZE : len) < 0)
			die("write failed");
	}
	if (got < 0)
		die("read failed");
	printf("client quit\n");
	fclose(in);
}

int main(int argc, char **argv)
{
	bool fixed = false, keep = false;
	int backlog = LISTENQ;
	int opt;

	while ((opt = getopt(argc, argv, "fkq:h")) != -1) {
		if (opt == 'f')
			fixed = true;
		else if (opt == 'k')
			keep = true;
		else if (opt == 'q')
			backlog = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	const char *path = argv[optind];
	struct address addr = address_path(path);
	int listenfd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (listenfd < 0)
		die("socket failed");
	unlink(path); /* any existing name, even a stale socket, would be EADDRINUSE */
	if (bind(listenfd, &addr.sa, addr.len) < 0)
		die("bind failed");
	if (!keep && path[0] != '@') {
		path_to_remove = path;
		on_signal(SIGINT, on_end);
		on_signal(SIGTERM, on_end);
	}
	if (listen(listenfd, backlog) < 0)
		die("listen failed");

	int connfd = accept(listenfd, NULL, NULL);

	if (connfd < 0)
		die("accept failed");
	serve(connfd, fixed);
	close(listenfd);
	if (path_to_remove)
		unlink(path_to_remove);
	return 0;
}
