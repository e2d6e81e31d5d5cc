/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends each line as a local datagram, under a name of its own so that it can be answered. */
#include "demo.h"

static const char usage[] =
	"usage: unixdataclient [-a | -u] [-t SECONDS] [-q COUNT] <local_path>\n"
	"  -a          let Linux choose an abstract name (autobind) instead of a file\n"
	"  -u          no name at all: the server cannot answer\n"
	"  -t SECONDS  wait no longer than this for an answer (for ever)\n"
	"  -q COUNT    instead send so many at once, never waiting: how many does the queue take?\n";

static char directory[] = "/tmp/unixdataclient-XXXXXX"; /* ours alone: no race for the name */
static char own_path[64];

/* Both calls are allowed in a signal handler. */
static void remove_name(void)
{
	if (own_path[0]) {
		unlink(own_path);
		rmdir(directory);
	}
}

static void on_end(int signo)
{
	remove_name();
	_exit(128 + signo);
}

static void bind_own_name(int fd, bool automatic)
{
	struct address own = {.len = sizeof(sa_family_t)};

	own.sa.sa_family = AF_UNIX; /* the family alone asks for an automatic name */
	if (!automatic) {
		if (!mkdtemp(directory))
			die("mkdtemp failed");
		snprintf(own_path, sizeof(own_path), "%s/name", directory);
		atexit(remove_name);
		own = address_path(own_path);
	}
	if (bind(fd, &own.sa, own.len) < 0)
		die("bind failed");
	own = address_local(fd);
	printf("my name is %s\n", address_text(&own));
}

static void fill(int fd, const struct address *server, int count)
{
	int sent = 0;

	while (sent < count && sendto(fd, "x", 1, MSG_DONTWAIT, &server->sa, server->len) == 1)
		sent++;
	printf("%d of %d were taken", sent, count);
	if (sent < count)
		printf(", then %s", error_text(errno));
	printf("\n");
}

int main(int argc, char **argv)
{
	char line[MAXLINE + 1], answer[4 + MAXLINE];
	bool automatic = false, unbound = false;
	double timeout = 0;
	int count = 0, opt;

	while ((opt = getopt(argc, argv, "aut:q:h")) != -1) {
		if (opt == 'a')
			automatic = true;
		else if (opt == 'u')
			unbound = true;
		else if (opt == 't')
			timeout = number(optarg);
		else if (opt == 'q')
			count = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address server = address_path(argv[optind]);
	int sockfd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (sockfd < 0)
		die("socket failed");
	set_timeout(sockfd, SO_RCVTIMEO, timeout);
	on_signal(SIGINT, on_end);
	on_signal(SIGTERM, on_end);
	if (!unbound)
		bind_own_name(sockfd, automatic);
	if (count) {
		fill(sockfd, &server, count);
		return 0;
	}

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		printf("now sending %s \n", line);
		if (sendto(sockfd, line, strlen(line), 0, &server.sa, server.len) < 0)
			die("sendto failed");

		ssize_t n = recv(sockfd, answer, sizeof(answer), 0);

		if (n < 0 && errno == EAGAIN)
			printf("no answer within %g s\n", timeout);
		else if (n < 0)
			die("recvfrom failed");
		else
			printf("%.*s\n", (int)n, answer);
	}
	return 0;
}
