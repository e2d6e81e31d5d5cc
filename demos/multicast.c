/* SPDX-License-Identifier: BSD-2-Clause */
/* Two UDP sockets share a port with SO_REUSEADDR: multicast reaches both, unicast one. */
#include "demo.h"

static const char usage[] =
	"usage: multicast [-n COUNT]\n"
	"  -n COUNT  datagrams of each kind (10)\n";

#define GROUP "239.1.2.3"

static int receiver(bool reuse)
{
	struct address any = address_parse("0.0.0.0", SERV_PORT);
	struct ip_mreq group = {.imr_multiaddr.s_addr = inet_addr(GROUP),
		.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket failed");
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, reuse);
	if (bind(fd, &any.sa, any.len) < 0) {
		printf("bind failed: %s\n", error_text(errno));
		close(fd);
		return -1;
	}
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		die("cannot join the group");
	return fd;
}

static int drain(int fd)
{
	char buf[16];
	int n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

static void send_many(int fd, const char *host, int n)
{
	struct address to = address_parse(host, SERV_PORT);

	for (int i = 0; i < n; i++)
		if (sendto(fd, "x", 1, 0, &to.sa, to.len) < 0)
			die("sendto failed");
}

int main(int argc, char **argv)
{
	struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
	struct address all = address_parse("127.255.255.255", SERV_PORT);
	int n = 10;
	int opt;

	while ((opt = getopt(argc, argv, "n:h")) != -1) {
		if (opt == 'n')
			n = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}

	int first = receiver(true), second = receiver(true);
	int sender = socket(AF_INET, SOCK_DGRAM, 0);

	if (first < 0 || second < 0 || sender < 0)
		quit("cannot make the sockets");
	printf("a third without SO_REUSEADDR: ");
	if (receiver(false) >= 0)
		printf("bound\n");
	if (setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof(loopback)) < 0)
		die("setsockopt failed");
	send_many(sender, GROUP, n);
	printf("%d multicast datagrams: first got %d, second %d\n", n, drain(first), drain(second));
	send_many(sender, "127.0.0.1", n);
	printf("%d unicast datagrams: first got %d, second %d\n", n, drain(first), drain(second));

	printf("broadcast: %s\n", sendto(sender, "x", 1, 0, &all.sa, all.len) < 0 ?
	       error_text(errno) : "1 byte");
	set_option(sender, SOL_SOCKET, SO_BROADCAST, 1);
	printf("broadcast with SO_BROADCAST: %s\n",
	       sendto(sender, "x", 1, 0, &all.sa, all.len) < 0 ? error_text(errno) : "1 byte");
	printf("broadcast: first got %d, second %d\n", drain(first), drain(second));
	return 0;
}
