/* SPDX-License-Identifier: BSD-2-Clause */
/* What stops a read before its bytes: no data (EAGAIN), a signal (EINTR), a RST. Both ends in one process. */
#include "demo.h"

static const char usage[] = "usage: readn\n";

enum { KB = 1024 };

/* As the notes have it: it may return -1, and its type has no negative numbers. */
static size_t notes_readn(int fd, void *buffer, size_t size)
{
	char *p = buffer;
	size_t left = size;

	while (left > 0) {
		ssize_t n = read(fd, p, left);

		if (n < 0) {
			printf("read failed: %s\n", error_text(errno));
			if (errno == EINTR)
				continue; /* for signals, not for sockets without data */
			return -1;
		}
		if (n == 0)
			break;
		p += n;
		left -= n;
	}
	return size - left;
}

/* The notes' caller: anything but 0 is a KB. */
static void notes_caller(int fd)
{
	static char buffer[KB];
	size_t n = notes_readn(fd, buffer, sizeof(buffer));

	if (n == 0)
		printf("end of file\n");
	else
		printf("1K read, says the caller: readn returned %zu\n", n);
}

static void on_alarm(int signo)
{
	(void)signo; /* being caught is all it has to do */
}

/* A child sends what is missing a second later, so that the signal comes into an empty read. */
static pid_t send_later(int fd)
{
	static const char block[KB];
	pid_t pid = fork();

	if (pid < 0)
		die("fork failed");
	if (pid == 0) {
		sleep_seconds(1);
		_exit(send(fd, block, sizeof(block), MSG_NOSIGNAL) != sizeof(block));
	}
	return pid;
}

int main(int argc, char **argv)
{
	struct itimerval soon = {.it_value = {0, 300000}};
	struct linger reset = {.l_onoff = 1};
	int opt = getopt(argc, argv, "h");

	if (opt != -1 || optind != argc)
		usage_exit(opt, usage);

	int listenfd = tcp_listen("127.0.0.1", SERV_PORT, 1);
	int client = tcp_connect("127.0.0.1", SERV_PORT);
	int server = accept(listenfd, NULL, NULL);

	if (server < 0)
		die("accept failed");
	printf("a non-blocking socket without data:\n");
	fcntl(server, F_SETFL, O_NONBLOCK);
	notes_caller(server);
	fcntl(server, F_SETFL, 0);

	printf("a blocking one, and a signal:\n");
	on_signal(SIGALRM, on_alarm);
	pid_t child = send_later(client);

	setitimer(ITIMER_REAL, &soon, NULL);
	notes_caller(server);
	waitpid(child, NULL, 0);

	printf("a few bytes, and then a RST:\n");
	if (send(client, usage, sizeof(usage), 0) < 0 ||
	    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		die("send failed");
	while (ioctl(server, FIONREAD, &opt) == 0 && opt == 0)
		sleep_seconds(0.01);
	close(client);
	notes_caller(server);
	return 0;
}
