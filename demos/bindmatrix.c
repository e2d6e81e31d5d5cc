/* SPDX-License-Identifier: BSD-2-Clause */
/* Two listeners on one port: which pairs of addresses and options does Linux allow? */
#include "demo.h"

static const char usage[] =
	"usage: bindmatrix [-p PORT]\n"
	"  -p PORT  first of the ports used, one per row (9600)\n";

static const struct row {
	const char *first, *second; /* addresses */
	int option;                 /* set on both, or 0 */
	const char *option_name;
	bool bind_both_first;       /* bind, bind, listen, listen: else each listens at once */
} rows[] = {
	{"0.0.0.0", "127.0.0.1", 0, "no option", false},
	{"127.0.0.1", "0.0.0.0", 0, "no option", false},
	{"127.0.0.1", "127.0.0.1", 0, "no option", false},
	{"127.0.0.1", "127.0.0.2", 0, "no option", false},
	{"0.0.0.0", "127.0.0.1", SO_REUSEADDR, "SO_REUSEADDR", false},
	{"127.0.0.1", "0.0.0.0", SO_REUSEADDR, "SO_REUSEADDR", false},
	{"127.0.0.1", "127.0.0.1", SO_REUSEADDR, "SO_REUSEADDR", false},
	{"127.0.0.1", "127.0.0.2", SO_REUSEADDR, "SO_REUSEADDR", false},
	{"127.0.0.1", "127.0.0.1", SO_REUSEADDR, "SO_REUSEADDR", true},
	{"0.0.0.0", "127.0.0.1", SO_REUSEPORT, "SO_REUSEPORT", false},
	{"127.0.0.1", "0.0.0.0", SO_REUSEPORT, "SO_REUSEPORT", false},
	{"127.0.0.1", "127.0.0.1", SO_REUSEPORT, "SO_REUSEPORT", false},
};

static int new_socket(int option)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket failed");
	if (option)
		set_option(fd, SOL_SOCKET, option, 1);
	return fd;
}

/* Returns the call that failed, with errno, or NULL. */
static const char *try(int fd, const char *host, int port, bool do_bind, bool do_listen)
{
	struct address a = address_parse(host, port);

	if (do_bind && bind(fd, &a.sa, a.len) < 0)
		return "bind";
	if (do_listen && listen(fd, LISTENQ) < 0)
		return "listen";
	return NULL;
}

static void print_row(const struct row *r, int port)
{
	int a = new_socket(r->option), b = new_socket(r->option);
	bool later = r->bind_both_first;
	const char *failed = try(a, r->first, port, true, !later);

	if (failed)
		die("first socket failed");
	failed = try(b, r->second, port, true, !later);
	if (!failed && later && try(a, r->first, port, false, true))
		die("first socket failed");
	if (!failed && later)
		failed = try(b, r->second, port, false, true);
	printf("%-9s then %-9s  %-12s  %-17s  ", r->first, r->second, r->option_name,
	       later ? "listen after both" : "listen each");
	if (failed)
		printf("%s failed: %s\n", failed, error_text(errno));
	else
		printf("ok\n");
	close(a);
	close(b);
}

int main(int argc, char **argv)
{
	int port = 9600;
	int opt;

	while ((opt = getopt(argc, argv, "p:h")) != -1) {
		if (opt == 'p')
			port = port_number(optarg);
		else
			usage_exit(opt, usage);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		print_row(&rows[i], port + i);
	return 0;
}
