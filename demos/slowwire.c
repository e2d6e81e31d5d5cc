/* SPDX-License-Identifier: BSD-2-Clause */
/* A long wire: carries frames between two interfaces, each a fixed time after it came. Needs root. */
#include "demo.h"
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>

static const char usage[] =
	"usage: slowwire [-d MS] INTERFACE INTERFACE\n"
	"  -d MS  how long a frame is under way, in milliseconds (10)\n"
	"The two interfaces need no addresses, and the host must not forward.\n";

enum { FRAME_MAX = 1 << 17, BUFFER = 1 << 23 };

struct frame {
	struct frame *next;
	double due_ms;
	int to; /* socket it leaves by */
	size_t length;
	char bytes[]; /* what the interface's offloads left undone, then the frame */
};

static struct frame *first, **last = &first;

static int open_interface(const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	if (!at.sll_ifindex)
		die(name);
	if (fd < 0)
		die("socket failed");
	set_option(fd, SOL_PACKET, PACKET_VNET_HDR, 1); /* large segments stay as large as they are */
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER);
	set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die("bind failed");
	return fd;
}

/* Takes in what has arrived; what this host sent itself comes by as well, and is left out. */
static void take(int from, int to, double delay_ms)
{
	static char buf[FRAME_MAX];
	struct sockaddr_ll sender;
	socklen_t len = sizeof(sender);
	ssize_t n;

	while ((n = recvfrom(from, buf, sizeof(buf), 0, (struct sockaddr *)&sender, &len)) > 0) {
		struct frame *f = malloc(sizeof(*f) + n);

		if (!f)
			die("malloc failed");
		if (sender.sll_pkttype == PACKET_OUTGOING) {
			free(f);
			continue;
		}
		*f = (struct frame){.due_ms = now_ms() + delay_ms, .to = to, .length = n};
		memcpy(f->bytes, buf, n);
		*last = f;
		last = &f->next;
		len = sizeof(sender);
	}
}

/* Lets go what has been under way long enough. Returns the milliseconds until the next, or -1. */
static int release(void)
{
	while (first && first->due_ms <= now_ms()) {
		struct frame *f = first;

		first = f->next;
		if (!first)
			last = &first;
		if (send(f->to, f->bytes, f->length, 0) < 0)
			fprintf(stderr, "a frame is lost: %s\n", error_text(errno));
		free(f);
	}
	return first ? (int)(first->due_ms - now_ms()) + 1 : -1;
}

int main(int argc, char **argv)
{
	struct pollfd ends[2];
	double delay_ms = 10;
	int opt;

	while ((opt = getopt(argc, argv, "d:h")) != -1) {
		if (opt == 'd')
			delay_ms = number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 2)
		usage_exit('?', usage);
	for (int i = 0; i < 2; i++)
		ends[i] = (struct pollfd){.fd = open_interface(argv[optind + i]), .events = POLLIN};
	printf("a wire of %g ms\n", delay_ms);
	for (;;) {
		if (poll(ends, 2, release()) < 0 && errno != EINTR)
			die("poll failed");
		take(ends[0].fd, ends[1].fd, delay_ms);
		take(ends[1].fd, ends[0].fd, delay_ms);
	}
}
