/* SPDX-License-Identifier: BSD-2-Clause */
/* Times one connect() and names its end: connected, refused, unreachable, timed out. */
#include "demo.h"

static const char usage[] =
	"usage: connectto [-n] [-b ADDRESS] [-p PORT] [-c COUNT] [-t SECONDS] [-k SECONDS]\n"
	"                 ADDRESS PORT\n"
	"  -n          non-blocking: EINPROGRESS, then poll() and SO_ERROR\n"
	"  -b ADDRESS  local address to bind first\n"
	"  -p PORT     local port to bind first, with SO_REUSEADDR\n"
	"  -c COUNT    TCP_SYNCNT: SYNs to send again (tcp_syn_retries)\n"
	"  -t SECONDS  send timeout, which limits a blocking connect() too\n"
	"  -k SECONDS  keep the connection for so long, then close (0)\n";

/* connect() on a non-blocking socket, and the wait for its result. Returns 0 or an errno. */
static int connect_and_poll(int fd, const struct address *to)
{
	struct pollfd watch = {.fd = fd, .events = POLLOUT};
	int err = 0;
	socklen_t len = sizeof(err);

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("fcntl failed");
	if (connect(fd, &to->sa, to->len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	printf("connect: %s, state %s\n", error_text(errno), tcp_state(fd));
	if (poll(&watch, 1, -1) < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return errno;
	return err;
}

int main(int argc, char **argv)
{
	const char *source = NULL;
	int source_port = 0, retries = 0;
	double timeout = 0, keep = 0;
	bool nonblocking = false;
	int opt;

	while ((opt = getopt(argc, argv, "nb:p:c:t:k:h")) != -1) {
		if (opt == 'n')
			nonblocking = true;
		else if (opt == 'b')
			source = optarg;
		else if (opt == 'p')
			source_port = port_number(optarg);
		else if (opt == 'c')
			retries = whole_number(optarg);
		else if (opt == 't')
			timeout = number(optarg);
		else if (opt == 'k')
			keep = number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 2)
		usage_exit('?', usage);

	struct address to = address_parse(argv[optind], port_number(argv[optind + 1]));
	int fd = socket(to.sa.sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket failed");
	if (source || source_port) {
		const char *any = to.sa.sa_family == AF_INET6 ? "::" : "0.0.0.0";
		struct address from = address_parse(source ? source : any, source_port);

		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		if (bind(fd, &from.sa, from.len) < 0)
			die("bind failed");
	}
	if (retries)
		set_option(fd, IPPROTO_TCP, TCP_SYNCNT, retries);
	set_timeout(fd, SO_SNDTIMEO, timeout);

	double start = now_ms();
	int err;

	if (nonblocking)
		err = connect_and_poll(fd, &to);
	else
		err = connect(fd, &to.sa, to.len) < 0 ? errno : 0;
	if (err) {
		fprintf(stderr, "connect failed: %s after %.1f ms\n", error_text(err),
			now_ms() - start);
		return 1;
	}

	double took = now_ms() - start;
	struct address from = address_local(fd);

	printf("connected %s -> %s after %.1f ms\n", address_text(&from), address_text(&to), took);
	sleep_seconds(keep);
	close(fd);
	return 0;
}
