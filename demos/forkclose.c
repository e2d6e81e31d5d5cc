/* SPDX-License-Identifier: BSD-2-Clause */
/* One socket, two processes: close() only lets go, shutdown() ends. Partner: addressused. */
#include "demo.h"

static const char usage[] =
	"usage: forkclose [-s] [-w SECONDS] <IPaddress>\n"
	"  -s          the parent calls shutdown(SHUT_WR) instead of close()\n"
	"  -w SECONDS  how long the child lives on after that (1)\n";

static void child(int fd, int parent_done, double wait)
{
	char byte;

	if (read(parent_done, &byte, 1) < 0) /* returns when the parent has done its call */
		die("read failed");
	printf("child: state is %s\n", tcp_state(fd));
	if (send(fd, "hello", 5, MSG_NOSIGNAL) < 0)
		printf("child: send failed: %s\n", error_text(errno));
	else
		printf("child: send bytes: 5\n");
	sleep_seconds(wait);
	printf("child: exits, state is %s\n", tcp_state(fd));
}

int main(int argc, char **argv)
{
	bool use_shutdown = false;
	double wait = 1;
	int done[2];
	int opt;

	while ((opt = getopt(argc, argv, "sw:h")) != -1) {
		if (opt == 's')
			use_shutdown = true;
		else if (opt == 'w')
			wait = number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	int fd = tcp_connect(argv[optind], SERV_PORT);

	if (pipe(done) < 0)
		die("pipe failed");
	pid_t pid = fork();

	if (pid < 0)
		die("fork failed");
	if (pid == 0) {
		close(done[1]);
		child(fd, done[0], wait);
		return 0;
	}
	close(done[0]);
	if (use_shutdown)
		printf("parent: shutdown(SHUT_WR) returned %d\n", shutdown(fd, SHUT_WR));
	else
		printf("parent: close() returned %d\n", close(fd));
	close(done[1]);
	if (!use_shutdown && write(fd, "x", 1) < 0)
		printf("parent: write failed: %s\n", error_text(errno));
	if (waitpid(pid, NULL, 0) < 0)
		die("waitpid failed");
	return 0;
}
