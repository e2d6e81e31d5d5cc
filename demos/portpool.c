/* SPDX-License-Identifier: BSD-2-Clause */
/* Connects and closes, again and again: each local port goes to TIME_WAIT. Partner: tcpserver. */
#include "demo.h"

static const char usage[] =
	"usage: portpool [-n COUNT] [-r ROUNDS] [-w SECONDS] [-k] [-p PORT] <IPaddress>\n"
	"  -n COUNT    connections per round (11)\n"
	"  -r ROUNDS   rounds (1)\n"
	"  -w SECONDS  wait between rounds (1.1)\n"
	"  -k          keep the connections open instead of closing them\n"
	"  -p PORT     port of the server (12345)\n"
	"A small pool: sysctl -w net.ipv4.ip_local_port_range='40000 40009'\n";

/* The value of a counter in the two-line tables of /proc/net/netstat; -1 when it is not there. */
static long counter(const char *name)
{
	char names[8192], values[8192];
	FILE *f = fopen("/proc/net/netstat", "r");
	long found = -1;

	if (!f)
		return -1;
	while (found < 0 && fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f)) {
		char *n_at, *v_at;
		char *n = strtok_r(names, " \n", &n_at), *v = strtok_r(values, " \n", &v_at);

		for (; n && v; n = strtok_r(NULL, " \n", &n_at), v = strtok_r(NULL, " \n", &v_at))
			if (!strcmp(n, name))
				found = atol(v);
	}
	fclose(f);
	return found;
}

/* How many TIME_WAITs this network namespace has; -1 when unknown. */
static int time_waits(void)
{
	FILE *f = fopen("/proc/net/sockstat", "r");
	char line[256];
	int tw = -1;

	while (f && tw < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "TCP: inuse %*d orphan %*d tw %d", &tw);
	if (f)
		fclose(f);
	return tw;
}

static bool one(const struct address *to, int number, bool keep)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM, 0);
	char end;

	if (fd < 0)
		die("socket failed");
	if (connect(fd, &to->sa, to->len) < 0) {
		printf("connect %d failed: %s\n", number, error_text(errno));
		close(fd);
		return false;
	}
	struct address from = address_local(fd);

	printf("connect %d: from %s\n", number, address_text(&from));
	if (keep)
		return true;
	shutdown(fd, SHUT_WR); /* our FIN goes first: the TIME_WAIT will be ours */
	while (read(fd, &end, 1) > 0) /* theirs is here when read returns 0 */
		;
	close(fd);
	return true;
}

int main(int argc, char **argv)
{
	int count = 11, rounds = 1, port = STREAM_PORT, failed = 0;
	double wait = 1.1;
	bool keep = false;
	int opt;

	while ((opt = getopt(argc, argv, "n:r:w:kp:h")) != -1) {
		if (opt == 'n')
			count = whole_number(optarg);
		else if (opt == 'r')
			rounds = whole_number(optarg);
		else if (opt == 'w')
			wait = number(optarg);
		else if (opt == 'k')
			keep = true;
		else if (opt == 'p')
			port = port_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 1)
		usage_exit('?', usage);

	struct address to = address_parse(argv[optind], port);
	long recycled = counter("TWRecycled"), overflow = counter("TCPTimeWaitOverflow");

	for (int round = 1; round <= rounds; round++) {
		if (round > 1)
			sleep_seconds(wait);
		for (int i = 1; i <= count; i++)
			failed += !one(&to, i, keep);
		printf("round %d: %d in TIME_WAIT, %ld recycled, %ld lacked a bucket\n",
		       round, time_waits(), counter("TWRecycled") - recycled,
		       counter("TCPTimeWaitOverflow") - overflow);
	}
	if (keep)
		pause();
	return failed > 0;
}
