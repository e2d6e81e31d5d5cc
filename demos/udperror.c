/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends to a port nobody has: the ICMP error finds the socket, but who is told of it? */
#include "demo.h"
#include <linux/errqueue.h>

static const char usage[] =
	"usage: udperror [-p PORT] [<IPaddress>]\n"
	"  -p PORT  a closed UDP port (7777)\n"
	"  An IPv4 address, 127.0.0.1 if none is given.\n";

/* Sends twice with a rest between, then receives, not waiting long. */
static void exchange(int fd, const struct address *to)
{
	char buf[16];

	for (int i = 0; i < 2; i++) {
		ssize_t n = to ? sendto(fd, "x", 1, 0, &to->sa, to->len) : send(fd, "x", 1, 0);

		printf("  send: %s\n", n < 0 ? error_text(errno) : "1 byte");
		sleep_seconds(0.05);
	}
	printf("  recv: %s\n", recv(fd, buf, sizeof(buf), 0) < 0 ? error_text(errno) : "data");
}

/* What the kernel keeps about an error: who sent the ICMP message, and for which destination. */
static void print_error_queue(int fd)
{
	char buf[64];
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;
	struct address to;
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_name = &to.sa, .msg_namelen = sizeof(to.storage), .msg_iov = &iov,
		.msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		printf("  error queue: %s\n", error_text(errno));
		return;
	}
	to.len = m.msg_namelen;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err e;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR)
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		printf("  error queue: %s, ICMP type %d code %d, for %s\n", error_text(e.ee_errno),
		       e.ee_type, e.ee_code, address_text(&to));
	}
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket failed");
	set_timeout(fd, SO_RCVTIMEO, 0.2);
	return fd;
}

int main(int argc, char **argv)
{
	int port = 7777;
	int opt;

	while ((opt = getopt(argc, argv, "p:h")) != -1) {
		if (opt == 'p')
			port = port_number(optarg);
		else
			usage_exit(opt, usage);
	}

	struct address to = address_parse(optind < argc ? argv[optind] : "127.0.0.1", port);
	int fd;

	if (to.sa.sa_family != AF_INET)
		usage_exit('?', usage);
	printf("not connected:\n");
	exchange(new_socket(), &to);

	printf("connected:\n");
	fd = new_socket();
	if (connect(fd, &to.sa, to.len) < 0)
		die("connect failed");
	exchange(fd, NULL);

	printf("not connected, IP_RECVERR:\n");
	fd = new_socket();
	set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
	exchange(fd, &to);
	print_error_queue(fd);
	return 0;
}
