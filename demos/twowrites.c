/* SPDX-License-Identifier: BSD-2-Clause */
/* A request in two writes meets Nagle and the delayed ACK. Partner: twowritesserver. */
#include "demo.h"

static const char usage[] =
	"usage: twowrites [-m MODE] [-n REQUESTS] [-p PARTS] <IPaddress>\n"
	"  -m MODE      plain     write the header, write the body (the default)\n"
	"               nodelay   the same with TCP_NODELAY\n"
	"               writev    both in one call\n"
	"               more      the header with MSG_MORE\n"
	"               cork      TCP_CORK before, off again after each request\n"
	"               corkon    TCP_CORK left on\n"
	"               quickack  plain, but the server acknowledges at once\n"
	"  -n REQUESTS  how many (10)\n"
	"  -p PARTS     writes per request (2): the body has 20 bytes for each after the first\n";

enum { PIECE = 20, PARTS_MAX = 100 };

struct header {
	uint16_t quickack; /* network order; 1 asks the server for TCP_QUICKACK */
	uint16_t length;   /* network order; bytes of body that follow */
};

static const char *mode = "plain";

static bool mode_is(const char *name)
{
	return !strcmp(mode, name);
}

static void check(ssize_t result)
{
	if (result < 0)
		die("write failed");
}

static void send_request(int fd, struct header head, char *body, int parts)
{
	if (mode_is("writev")) {
		struct iovec both[2] = {{&head, sizeof(head)}, {body, (parts - 1) * PIECE}};

		check(writev(fd, both, 2));
		return;
	}
	if (mode_is("cork") || mode_is("corkon"))
		set_option(fd, IPPROTO_TCP, TCP_CORK, 1);
	check(send(fd, &head, sizeof(head), mode_is("more") ? MSG_MORE : 0));
	for (int i = 1; i < parts; i++)
		check(send(fd, body + (i - 1) * PIECE, PIECE, 0));
	if (mode_is("cork"))
		set_option(fd, IPPROTO_TCP, TCP_CORK, 0);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static const char modes[] = " plain nodelay writev more cork corkon quickack ";
	char body[PARTS_MAX * PIECE], padded[16], reply[4];
	int requests = 10, parts = 2;
	int opt;

	while ((opt = getopt(argc, argv, "m:n:p:h")) != -1) {
		if (opt == 'm')
			mode = optarg;
		else if (opt == 'n')
			requests = whole_number(optarg);
		else if (opt == 'p')
			parts = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}
	snprintf(padded, sizeof(padded), " %s ", mode);
	if (optind != argc - 1 || !strstr(modes, padded) || requests < 1 || parts < 2 ||
	    parts > PARTS_MAX)
		usage_exit('?', usage);

	int fd = tcp_connect(argv[optind], SERV_PORT);
	double *ms = calloc(requests, sizeof(*ms));
	struct header head = {htons(mode_is("quickack")), htons((parts - 1) * PIECE)};

	if (!ms)
		die("calloc failed");
	memset(body, 'b', sizeof(body));
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, mode_is("nodelay"));
	for (int i = 0; i < requests; i++) {
		double start = now_ms();

		send_request(fd, head, body, parts);
		if (recv(fd, reply, sizeof(reply), MSG_WAITALL) != sizeof(reply))
			quit("server terminated");
		ms[i] = now_ms() - start;
		printf("request %d: %.3f ms\n", i + 1, ms[i]);
	}
	qsort(ms, requests, sizeof(*ms), by_size);
	printf("%s: median %.3f ms, fastest %.3f ms, slowest %.3f ms\n", mode, ms[requests / 2],
	       ms[0], ms[requests - 1]);
	free(ms);
	return 0;
}
