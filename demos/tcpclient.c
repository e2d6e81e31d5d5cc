/* SPDX-License-Identifier: BSD-2-Clause */
/* One big send: returns when all is copied into the kernel, not when all has arrived. */
#include "demo.h"

static const char usage[] =
	"usage: tcpclient [-n BYTES] [-p PORT] [-t SECONDS] [-a SECONDS] <IPaddress>\n"
	"  -n BYTES    size of the message (102400; the notes also speak of 1024000 and 10240000)\n"
	"  -p PORT     port of the server (12345)\n"
	"  -t SECONDS  send timeout: a blocked send returns what it had copied by then\n"
	"  -a SECONDS  alarm: so does one interrupted by a signal\n";

static void on_alarm(int signo)
{
	(void)signo; /* being caught is all it has to do */
}

static void send_data(int fd, size_t size)
{
	char *message = malloc(size + 1);
	size_t sent = 0;

	if (!message)
		die("malloc failed");
	memset(message, 'a', size);
	while (sent < size) {
		double start = now_ms();
		ssize_t n = send(fd, message + sent, size - sent, 0);

		if (n < 0) {
			fprintf(stderr, "send failed: %s\n", error_text(errno));
			free(message);
			exit(1);
		}
		printf("send into buffer %zd (after %.2f ms)\n", n, now_ms() - start);
		sent += n;
	}
	free(message);
}

int main(int argc, char **argv)
{
	size_t size = 102400;
	int port = STREAM_PORT;
	double timeout = 0, alarm_after = 0;
	int opt;

	while ((opt = getopt(argc, argv, "n:p:t:a:h")) != -1) {
		if (opt == 'n')
			size = number(optarg);
		else if (opt == 'p')
			port = port_number(optarg);
		else if (opt == 't')
			timeout = number(optarg);
		else if (opt == 'a')
			alarm_after = number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address server = address_parse(argv[optind], port);
	int sockfd = socket(server.sa.sa_family, SOCK_STREAM, 0);

	if (sockfd < 0)
		die("socket failed");
	if (connect(sockfd, &server.sa, server.len) < 0)
		die("connect failed");
	set_timeout(sockfd, SO_SNDTIMEO, timeout);
	if (alarm_after > 0) {
		struct itimerval timer = {.it_value = {alarm_after,
			(alarm_after - (long)alarm_after) * 1e6}};

		on_signal(SIGALRM, on_alarm);
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	send_data(sockfd, size);
	return 0; /* no close(): the kernel closes, and goes on sending what is queued */
}
