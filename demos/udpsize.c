/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams of given sizes: the hard limit 65507, the soft one of the MTU, a buffer too small. */
#include "demo.h"

static const char usage[] =
	"usage: udpsize [-d] [-c COUNT] <IPaddress> SIZE...\n"
	"       udpsize -l [-b BYTES] [-w SECONDS] <IPaddress>\n"
	"  -d          do not fragment: a datagram above the MTU is refused\n"
	"  -c COUNT    send each size so often (1)\n"
	"  -l          receive at this address instead, until Ctrl-C\n"
	"  -b BYTES    SO_RCVBUF of the receiver\n"
	"  -w SECONDS  the receiver waits before its first read\n";

static volatile sig_atomic_t count;

static void on_end(int signo)
{
	(void)signo;
	finish_with_count(count, "datagrams");
}

static void receive(int fd, double wait)
{
	static char buf[65536];

	on_signal(SIGINT, on_end);
	on_signal(SIGTERM, on_end);
	sleep_seconds(wait);
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n < 0)
			die("recv failed");
		count++;
		printf("received %zd bytes\n", n);
	}
}

static void send_sizes(int fd, const struct address *to, char **sizes, int times)
{
	static char buf[128 * 1024];

	for (; *sizes; sizes++) {
		size_t size = number(*sizes);

		if (size > sizeof(buf))
			quit("size: more than 131072 bytes");
		for (int i = 0; i < times; i++) {
			if (sendto(fd, buf, size, 0, &to->sa, to->len) < 0)
				printf("sendto of %zu bytes failed: %s\n", size, error_text(errno));
			else
				printf("send bytes: %zu\n", size);
		}
	}
}

int main(int argc, char **argv)
{
	bool listening = false, no_fragments = false;
	int times = 1, buffer = 0;
	double wait = 0;
	int opt;

	while ((opt = getopt(argc, argv, "dc:lb:w:h")) != -1) {
		if (opt == 'd')
			no_fragments = true;
		else if (opt == 'c')
			times = whole_number(optarg);
		else if (opt == 'l')
			listening = true;
		else if (opt == 'b')
			buffer = whole_number(optarg);
		else if (opt == 'w')
			wait = number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind == argc || (optind == argc - 1) != listening)
		usage_exit('?', usage);

	struct address a = address_parse(argv[optind], SERV_PORT);
	int fd = socket(a.sa.sa_family, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket failed");
	if (buffer)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer);
	if (no_fragments && a.sa.sa_family == AF_INET)
		set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	else if (no_fragments)
		set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
	if (!listening) {
		send_sizes(fd, &a, argv + optind + 1, times);
		return 0;
	}
	if (bind(fd, &a.sa, a.len) < 0)
		die("bind failed");
	receive(fd, wait);
}
