/* SPDX-License-Identifier: BSD-2-Clause */
/* Lets the kernel watch the peer, and waits for its verdict. Partner: addressused. */
#include "demo.h"

static const char usage[] =
	"usage: keepalive [-o] [-i SECONDS] [-I SECONDS] [-c COUNT] [-u MS] <IPaddress>\n"
	"  -o          leave keepalive off, as it is by default\n"
	"  -i SECONDS  silence before the first probe (1)\n"
	"  -I SECONDS  time between probes (1)\n"
	"  -c COUNT    unanswered probes that mean the peer is dead (3)\n"
	"  -u MS       TCP_USER_TIMEOUT: how long sent data may stay unacknowledged\n"
	"Each line typed is sent; data in flight keeps the probes away.\n";

static int get_option(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, option, &value, &len) < 0)
		die("getsockopt failed");
	return value;
}

static void print_settings(const char *when, int fd)
{
	printf("%s: keepalive %s, idle %d s, interval %d s, count %d, user timeout %d ms\n", when,
	       get_option(fd, SOL_SOCKET, SO_KEEPALIVE) ? "on" : "off",
	       get_option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
	       get_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), get_option(fd, IPPROTO_TCP, TCP_KEEPCNT),
	       get_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
}

int main(int argc, char **argv)
{
	int idle = 1, interval = 1, limit = 3, user_timeout = 0, on = 1;
	char buf[MAXLINE];
	int opt;

	while ((opt = getopt(argc, argv, "oi:I:c:u:h")) != -1) {
		if (opt == 'o')
			on = 0;
		else if (opt == 'i')
			idle = whole_number(optarg);
		else if (opt == 'I')
			interval = whole_number(optarg);
		else if (opt == 'c')
			limit = whole_number(optarg);
		else if (opt == 'u')
			user_timeout = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	int fd = tcp_connect(argv[optind], SERV_PORT);
	struct pollfd watch[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};

	print_settings("default", fd);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, on);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, limit);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout);
	print_settings("now", fd);

	double start = now_ms();

	for (;;) {
		if (poll(watch, 2, -1) < 0)
			die("poll failed");
		if (watch[0].revents) {
			ssize_t n = read(fd, buf, sizeof(buf));

			printf("after %.2f s: ", (now_ms() - start) / 1e3);
			if (n < 0)
				printf("read failed: %s\n", error_text(errno));
			else
				printf("%s\n", n ? "data" : "server terminated");
			if (n <= 0)
				return 1;
		}
		if (watch[1].revents) {
			ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

			if (n <= 0)
				watch[1].fd = -1;
			else if (send(fd, buf, n, MSG_NOSIGNAL) < 0)
				die("send failed");
			else
				printf("after %.2f s: send bytes: %zd\n",
				       (now_ms() - start) / 1e3, n);
		}
	}
}
