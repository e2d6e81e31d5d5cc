/* SPDX-License-Identifier: BSD-2-Clause */
/* Watches its peer by itself: silence makes it send PINGs, too many unanswered mean death. */
#include "demo.h"

static const char usage[] =
	"usage: pingpongclient [-i SECONDS] [-I SECONDS] [-c COUNT] <IPaddress>\n"
	"  -i SECONDS  silence before the first PING (10)\n"
	"  -I SECONDS  time between PINGs (3)\n"
	"  -c COUNT    unanswered PINGs that mean the peer is dead (3)\n"
	"Each line typed is sent as data.\n";

enum message_type { PING = 1, PONG = 2, DATA = 3 };

struct message {
	uint32_t type; /* network order */
	char text[60];
};

static void send_message(int fd, enum message_type type, const char *text)
{
	struct message m = {.type = htonl(type)};

	snprintf(m.text, sizeof(m.text), "%s", text);
	if (write_all(fd, &m, sizeof(m)) < 0)
		die("write failed");
}

int main(int argc, char **argv)
{
	double idle = 10, interval = 3;
	int limit = 3, probes = 0;
	int opt;

	while ((opt = getopt(argc, argv, "i:I:c:h")) != -1) {
		if (opt == 'i')
			idle = number(optarg);
		else if (opt == 'I')
			interval = number(optarg);
		else if (opt == 'c')
			limit = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	int fd = tcp_connect(argv[optind], SERV_PORT);
	struct pollfd watch[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	double heard = now_ms(), deadline = heard + idle * 1e3;
	struct message in;
	size_t got = 0; /* bytes of the message that is arriving */

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdin, NULL, _IONBF, 0); /* poll() cannot see what stdio has buffered */
	for (;;) {
		double left = deadline - now_ms();

		if (left <= 0) {
			if (probes == limit) {
				fprintf(stderr,
					"connection dead: %d PINGs unanswered, silent %.1f s\n",
					probes, (now_ms() - heard) / 1e3);
				return 1;
			}
			send_message(fd, PING, "");
			printf("send PING %d\n", ++probes);
			deadline = now_ms() + interval * 1e3;
			continue;
		}
		if (poll(watch, 2, left + 1) < 0)
			die("poll failed");
		if (watch[1].revents) {
			char line[sizeof(in.text)];

			if (!fgets(line, sizeof(line), stdin)) {
				watch[1].fd = -1;
				continue;
			}
			line[strcspn(line, "\n")] = '\0';
			send_message(fd, DATA, line);
		}
		if (watch[0].revents) {
			ssize_t n = read(fd, (char *)&in + got, sizeof(in) - got);

			if (n < 0)
				die("read failed");
			if (n == 0)
				quit("server terminated");
			got = (got + n) % sizeof(in);
			if (got == 0)
				printf("received %s\n", ntohl(in.type) == PONG ? "PONG" : "data");
			probes = 0; /* anything at all proves that the peer lives */
			heard = now_ms();
			deadline = heard + idle * 1e3;
		}
	}
}
