/* SPDX-License-Identifier: BSD-2-Clause */
/* One big send: returns when all is copied into the kernel, not when all has arrived. */
#include "demo.h"

static const char usage[] =
	"usage: tcpclient [-n BYTES] [-c COUNT] [-g MS] [-k] [-t SECONDS] [-a SECONDS] [-b BYTES]\n"
	"                 [-s] [-p PORT] <IPaddress>\n"
	"  -n BYTES    size of the message (102400; the notes also speak of 1024000 and 10240000)\n"
	"  -c COUNT    send it so many times (1)\n"
	"  -g MS       rest between two messages\n"
	"  -k          keep going after a failed send: the error comes once, then SIGPIPE\n"
	"  -t SECONDS  send timeout: a blocked send returns what it had copied by then\n"
	"  -a SECONDS  alarm: so does one interrupted by a signal\n"
	"  -b BYTES    SO_SNDBUF: a send buffer of this size, which the kernel then leaves alone\n"
	"  -s          numbers instead of the letter a, so that tcpserver -s can check the order\n"
	"  -p PORT     port of the server (12345)\n";

static void on_alarm(int signo)
{
	(void)signo; /* being caught is all it has to do */
}

/* Sends all of it, however many calls that takes. Returns false after an error. */
static bool send_data(int fd, const char *message, size_t size)
{
	while (size > 0) {
		double start = now_ms();
		ssize_t n = send(fd, message, size, 0);

		if (n < 0) {
			fprintf(stderr, "send failed: %s\n", error_text(errno));
			return false;
		}
		printf("send into buffer %zd (after %.2f ms)\n", n, now_ms() - start);
		message += n;
		size -= n;
	}
	return true;
}

static void set_alarm(double seconds)
{
	struct itimerval timer = {.it_value = {seconds, (seconds - (long)seconds) * 1e6}};

	on_signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &timer, NULL);
}

int main(int argc, char **argv)
{
	size_t size = 102400;
	int port = STREAM_PORT, count = 1, buffer = 0;
	double timeout = 0, alarm_after = 0, gap_ms = 0;
	bool keep_going = false, numbers = false, ok = true;
	int opt;

	while ((opt = getopt(argc, argv, "n:c:g:kt:a:b:sp:h")) != -1) {
		if (opt == 'n')
			size = number(optarg);
		else if (opt == 'c')
			count = whole_number(optarg);
		else if (opt == 'g')
			gap_ms = number(optarg);
		else if (opt == 'k')
			keep_going = true;
		else if (opt == 'p')
			port = port_number(optarg);
		else if (opt == 't')
			timeout = number(optarg);
		else if (opt == 'a')
			alarm_after = number(optarg);
		else if (opt == 'b')
			buffer = whole_number(optarg);
		else if (opt == 's')
			numbers = true;
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address server = address_parse(argv[optind], port);
	int sockfd = socket(server.sa.sa_family, SOCK_STREAM, 0);

	if (sockfd < 0)
		die("socket failed");
	if (buffer)
		set_option(sockfd, SOL_SOCKET, SO_SNDBUF, buffer);
	if (connect(sockfd, &server.sa, server.len) < 0)
		die("connect failed");
	set_timeout(sockfd, SO_SNDTIMEO, timeout);
	set_alarm(alarm_after); /* 0 sets none */

	char *message = malloc(size + 1);

	if (!message)
		die("malloc failed");
	for (size_t i = 0; i < size; i++)
		message[i] = numbers ? number_at(i) : 'a';
	for (int i = 0; i < count && (ok || keep_going); i++) {
		if (i > 0)
			sleep_seconds(gap_ms / 1000);
		ok = send_data(sockfd, message, size) && ok;
	}
	free(message);
	return !ok; /* no close(): the kernel closes, and goes on sending what is queued */
}
