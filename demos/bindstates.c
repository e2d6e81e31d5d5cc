/* SPDX-License-Identifier: BSD-2-Clause */
/* The old connection's state, its flag and ours: when may a server bind its port again? */
#include "demo.h"

static const char usage[] =
	"usage: bindstates [-p PORT]\n"
	"  -p PORT  first of the ports used, one per row (9700)\n";

enum state { ESTABLISHED, CLOSE_WAIT, FIN_WAIT2, TIME_WAIT, STATES };

static const char *const state_names[STATES] = {"ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT2",
	"TIME_WAIT"};

static int bound_socket(const struct address *a, bool reuse, int *ret_error)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket failed");
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, reuse);
	*ret_error = bind(fd, &a->sa, a->len) < 0 ? errno : 0;
	return fd;
}

static void wait_eof(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 0)
		die("read failed");
}

/* Leaves a connection of an ended server in the state wanted. */
static void leave_behind(const struct address *a, bool reuse, enum state want, int ret_fd[2])
{
	int err, listenfd = bound_socket(a, reuse, &err);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	int server;

	if (err || listen(listenfd, 1) < 0 || connect(client, &a->sa, a->len) < 0 ||
	    (server = accept(listenfd, NULL, NULL)) < 0)
		die("cannot make a connection");
	close(listenfd);
	if (want == CLOSE_WAIT) {
		shutdown(client, SHUT_WR);
		wait_eof(server);
	} else if (want == FIN_WAIT2 || want == TIME_WAIT) {
		shutdown(server, SHUT_WR);
		wait_eof(client); /* the peer has our FIN; its ACK may be delayed by 40 ms */
		while (want == FIN_WAIT2 && strcmp(tcp_state(server), "FIN_WAIT2"))
			sleep_seconds(0.005);
	}
	if (want == TIME_WAIT) {
		close(client);
		wait_eof(server);
		close(server);
		server = client = -1;
	}
	ret_fd[0] = server;
	ret_fd[1] = client;
}

int main(int argc, char **argv)
{
	int port = 9700;
	int opt;

	while ((opt = getopt(argc, argv, "p:h")) != -1) {
		if (opt == 'p')
			port = port_number(optarg);
		else
			usage_exit(opt, usage);
	}
	for (int row = 0; row < STATES * 4; row++) {
		enum state state = row / 4;
		bool old = row & 2, new = row & 1;
		struct address a = address_parse("127.0.0.1", port + row);
		int left[2], err, fd;

		leave_behind(&a, old, state, left);
		fd = bound_socket(&a, new, &err);
		printf("%-11s  SO_REUSEADDR old %-3s new %-3s  bind %s%s\n", state_names[state],
		       old ? "on" : "off", new ? "on" : "off", err ? "failed: " : "ok",
		       err ? error_text(err) : "");
		if (err && old && !new) { /* bind reads the flag: set it now and try again */
			set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
			printf("             set on the same socket, bind again: %s\n",
			       bind(fd, &a.sa, a.len) < 0 ? error_text(errno) : "ok");
		}
		close(fd);
		for (int i = 0; i < 2; i++)
			if (left[i] >= 0)
				close(left[i]);
	}
	return 0;
}
