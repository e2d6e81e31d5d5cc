/* SPDX-License-Identifier: BSD-2-Clause */
/* Many clients, one after the other: who gets in, when, and what becomes of the rest. */
#include "demo.h"

static const char usage[] =
	"usage: crowd [-n CLIENTS] [-g MS] [-w SECONDS] [-t TEXT] [-p PORT] <IPaddress>\n"
	"  -n CLIENTS  how many (5)\n"
	"  -g MS       time between two of them (50)\n"
	"  -w SECONDS  how long to watch after the last one has started (4)\n"
	"  -t TEXT     each client sends this when connected\n"
	"  -p PORT     port of the server (9527)\n";

enum { CLIENTS_MAX = 1000 };

static struct client {
	double start;   /* ms, when connect was called */
	bool connected;
} clients[CLIENTS_MAX];
static struct pollfd watch[CLIENTS_MAX];
static const char *text = "";

static void say(int i, const char *what)
{
	printf("client %d: %s after %.0f ms\n", i + 1, what, now_ms() - clients[i].start);
}

static void start(int i, const struct address *to)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket failed");
	clients[i].start = now_ms();
	watch[i] = (struct pollfd){.fd = fd, .events = POLLOUT};
	if (connect(fd, &to->sa, to->len) < 0 && errno != EINPROGRESS) {
		say(i, error_text(errno));
		close(fd);
		watch[i].fd = -1;
	}
}

static void look(int i)
{
	char buf[256];
	int err = 0;
	socklen_t len = sizeof(err);
	ssize_t n = -1;

	getsockopt(watch[i].fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (!err && !clients[i].connected) {
		clients[i].connected = true;
		watch[i].events = POLLIN;
		say(i, "connected");
		if (*text && send(watch[i].fd, text, strlen(text), MSG_NOSIGNAL) < 0)
			err = errno;
	} else if (!err) {
		n = read(watch[i].fd, buf, sizeof(buf));
		if (n == 0)
			say(i, "closed by the server");
		else if (n > 0)
			say(i, "got an answer");
		else if (errno != EAGAIN)
			err = errno;
	}
	if (err)
		say(i, error_text(err));
	if (err || n == 0) {
		close(watch[i].fd);
		watch[i].fd = -1;
	}
}

/* Tells what happens until the time is over. */
static void watch_until(int n, double end_ms)
{
	while (now_ms() < end_ms)
		if (poll(watch, n, end_ms - now_ms() + 1) > 0)
			for (int i = 0; i < n; i++)
				if (watch[i].fd >= 0 && watch[i].revents)
					look(i);
}

int main(int argc, char **argv)
{
	int n = 5, port = SERV_PORT;
	double gap_ms = 50, wait = 4;
	int opt;

	while ((opt = getopt(argc, argv, "n:g:w:t:p:h")) != -1) {
		if (opt == 'n')
			n = whole_number(optarg);
		else if (opt == 'g')
			gap_ms = number(optarg);
		else if (opt == 'w')
			wait = number(optarg);
		else if (opt == 't')
			text = optarg;
		else if (opt == 'p')
			port = port_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1 || n > CLIENTS_MAX)
		usage_exit('?', usage);

	struct address to = address_parse(argv[optind], port);

	for (int i = 0; i < n; i++) {
		start(i, &to);
		watch_until(i + 1, now_ms() + gap_ms);
	}
	watch_until(n, now_ms() + wait * 1e3);
	for (int i = 0; i < n; i++)
		if (watch[i].fd >= 0)
			printf("client %d: still %s\n", i + 1, tcp_state(watch[i].fd));
	return 0;
}
