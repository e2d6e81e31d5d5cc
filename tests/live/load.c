/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load whose every connection is known beforehand: as many as asked for, closed by the end that was asked for.
 * Copied under two names it is both ends of the live tests. Says "ready" when it listens and "done N" at its end.
 *
 *   load server ADDRESS PORT COUNT [-f] [-c first|last|reset] [-h] [-x TIMES] [-b BACKLOG]
 *   load client ADDRESS PORT COUNT [-c first|last|reset] [-h] [-x TIMES] [-m DESTINATIONS] [-g MICROSECONDS]
 *
 *   -f  a child accepts, made by fork() after listen()
 *   -c  who closes: this end first, this end last (after the end of the stream), or this end with a RST
 *   -h  hold: nobody closes before all are connected and, at the client, the standard input ends
 *   -m  spread over so many addresses from ADDRESS on (127.0.0.1, 127.0.0.2, ...), so that ports do not run out
 *   -g  pause between two connections
 *   -x  exchanges (1; the same at both ends): one byte each way, so that both ends have used the socket
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum closing { CLOSE_last, CLOSE_first, CLOSE_reset };

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

static enum closing closing = CLOSE_last;
static int hold, forks, backlog = 4096, destinations = 1, gap_us, exchanges = 1;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct address address_parse(const char *text, int port)
{
	struct address a = { 0 };

	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		a.len = sizeof(a.in);
	} else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
		a.len = sizeof(a.in6);
	} else {
		fprintf(stderr, "load: address '%s': not understood\n", text);
		exit(2);
	}
	return a;
}

/* A byte, or the end of the stream. */
static int one_byte(int fd)
{
	char byte;
	ssize_t n;

	do
		n = recv(fd, &byte, 1, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

static void finish(int fd)
{
	struct linger linger = { 1, 0 };

	if (closing == CLOSE_reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	else if (closing == CLOSE_last && one_byte(fd) > 0)
		die("more than was agreed");
	close(fd);
}

static void serve(int listener, int count)
{
	int *held = hold ? calloc(count, sizeof(*held)) : NULL;

	for (int i = 0; i < count; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		for (int n = 0; n < exchanges; n++)
			if (one_byte(fd) != 1 || send(fd, "y", 1, MSG_NOSIGNAL) != 1)
				die("exchange");
		if (hold)
			held[i] = fd;
		else
			finish(fd);
	}
	for (int i = 0; hold && i < count; i++)
		finish(held[i]);
	free(held);
}

static int server(const struct address *a, int count)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM, 0), on = 1, status = 0;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, &a->sa, a->len) ||
	    listen(fd, backlog))
		die("listen");
	puts("ready");
	fflush(stdout);
	if (!forks) {
		serve(fd, count);
	} else {
		pid_t child = fork();

		if (child == 0) {
			printf("child %d\n", getpid());
			fflush(stdout);
			serve(fd, count);
			exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) < 0)
			die("fork");
	}
	close(fd);
	printf("done %d\n", count);
	return status != 0;
}

static int client(const struct address *to, int count)
{
	int *held = hold ? calloc(count, sizeof(*held)) : NULL;

	for (int i = 0; i < count; i++) {
		struct address a = *to;
		int fd = socket(a.sa.sa_family, SOCK_STREAM, 0);

		if (a.sa.sa_family == AF_INET)
			a.in.sin_addr.s_addr = htonl(ntohl(a.in.sin_addr.s_addr) + i % destinations);
		if (fd < 0 || connect(fd, &a.sa, a.len))
			die("connect");
		for (int n = 0; n < exchanges; n++)
			if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || one_byte(fd) != 1)
				die("exchange");
		if (hold)
			held[i] = fd;
		else
			finish(fd);
		if (gap_us)
			usleep(gap_us);
	}
	if (hold) {
		puts("held");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
	for (int i = 0; hold && i < count; i++)
		finish(held[i]);
	free(held);
	printf("done %d\n", count);
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	int opt;

	while ((opt = getopt(argc, argv, "fc:hb:m:g:x:")) != -1) {
		switch (opt) {
		case 'f':
			forks = 1;
			break;
		case 'c':
			closing = !strcmp(optarg, "first") ? CLOSE_first : !strcmp(optarg, "reset") ? CLOSE_reset : CLOSE_last;
			break;
		case 'h':
			hold = 1;
			break;
		case 'b':
			backlog = atoi(optarg);
			break;
		case 'm':
			destinations = atoi(optarg);
			break;
		case 'x':
			exchanges = atoi(optarg);
			break;
		case 'g':
			gap_us = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (optind != argc - 4) {
		fprintf(stderr, "usage: load server|client ADDRESS PORT COUNT [OPTION...]\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);

	struct address a = address_parse(argv[optind + 1], atoi(argv[optind + 2]));
	int count = atoi(argv[optind + 3]);

	return argv[optind][0] == 's' ? server(&a, count) : client(&a, count);
}
