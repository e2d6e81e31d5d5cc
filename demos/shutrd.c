/* SPDX-License-Identifier: BSD-2-Clause */
/* SHUT_RD: nothing on the wire, nothing thrown away. Partners: graceclient, tcpclient. */
#include "demo.h"

static const char usage[] =
	"usage: shutrd [-b]\n"
	"  -b  both, SHUT_RDWR: now data that arrives is answered with RST\n"
	"Type a first line in graceclient, then a second, then pipe it as much as you like;\n"
	"for -b use tcpclient -p 9527 -n 100 -c 5 -g 500, which goes on sending.\n";

static int readable(int fd)
{
	int n = 0;

	if (ioctl(fd, FIONREAD, &n) < 0)
		die("ioctl failed");
	return n;
}

/* After SHUT_RD poll() always says readable, so wait for the bytes themselves, or an end. */
static void wait_for_data(int fd)
{
	while (readable(fd) == 0 && strcmp(tcp_state(fd), "CLOSE") &&
	       strcmp(tcp_state(fd), "CLOSE_WAIT"))
		sleep_seconds(0.01);
}

static void receive(int fd)
{
	char buf[MAXLINE];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n < 0)
		printf("recv failed: %s\n", error_text(errno));
	else
		printf("received %zd bytes: %.*s\n", n, (int)n, buf);
}

int main(int argc, char **argv)
{
	int how = SHUT_RD;
	int opt;

	while ((opt = getopt(argc, argv, "bh")) != -1) {
		if (opt == 'b')
			how = SHUT_RDWR;
		else
			usage_exit(opt, usage);
	}

	int listenfd = tcp_listen("0.0.0.0", SERV_PORT, LISTENQ);
	int fd = accept(listenfd, NULL, NULL);

	if (fd < 0)
		die("accept failed");
	wait_for_data(fd);
	printf("%d bytes are queued\n", readable(fd));

	int result = shutdown(fd, how);

	printf("shutdown(%s) returned %d, state %s\n", how == SHUT_RD ? "SHUT_RD" : "SHUT_RDWR",
	       result, tcp_state(fd));
	receive(fd); /* what was queued before is still delivered */
	receive(fd); /* 0: at once, though nobody sent a FIN */
	wait_for_data(fd);
	receive(fd); /* Linux delivers even what came later */

	for (int last = -1;;) { /* from now on nothing is read: the window closes */
		int n = readable(fd);

		if (n != last)
			printf("%d bytes wait unread, state %s\n", n, tcp_state(fd));
		last = n;
		if (!strcmp(tcp_state(fd), "CLOSE") || !strcmp(tcp_state(fd), "CLOSE_WAIT"))
			return 0;
		sleep_seconds(0.1);
	}
}
