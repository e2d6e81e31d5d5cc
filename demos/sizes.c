/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be told without a network: sizes, constants, protocols. One fact a line. */
#include "demo.h"

static const char usage[] = "usage: sizes [CLAIM...]\n";
static char **claims; /* named; none: all are told */

static int told(const char *claim)
{
	int i;

	for (i = 0; claims[i] && strcmp(claims[i], claim); i++)
		;
	return !claims[0] || claims[i];
}

#define FACT(claim, ...) \
	do { \
		if (told(claim)) \
			printf(claim " " __VA_ARGS__); \
	} while (0)

#define SIZE_OF(claim, type) FACT(claim, "sizeof(%s) = %zu\n", #type, sizeof(type))
#define OFFSET_OF(claim, type, member) \
	FACT(claim, "offsetof(%s, %s) = %zu\n", #type, #member, offsetof(type, member))

/* What socket(domain, type, protocol) becomes. */
static void try_socket(const char *claim, const char *call, int domain, int type, int protocol)
{
	int fd, got = 0;
	socklen_t len = sizeof(got);

	if (!told(claim))
		return;
	fd = socket(domain, type, protocol);
	if (fd < 0) {
		printf("%s %s failed: %s\n", claim, call, error_text(errno));
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &got, &len) < 0)
		die("getsockopt failed");
	printf("%s %s = protocol %d\n", claim, call, got);
	close(fd);
}

#define TRY_SOCKET(claim, domain, type, protocol) \
	try_socket(claim, "socket(" #domain ", " #type ", " #protocol ")", domain, type, protocol)

/* A local address is as long as its name. */
static void try_name(const char *name)
{
	struct address a = address_path(name);
	int fd;

	if (!told("C11"))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, &a.sa, a.len) < 0)
		die("bind failed");
	a = address_local(fd);
	printf("C11 the address %s has %u bytes\n", address_text(&a), a.len);
	close(fd);
}

/* Twice the value asked for, a floor, and wmem_max as the ceiling. */
static void try_sndbuf(int ask)
{
	int fd, got = 0;
	socklen_t len = sizeof(got);

	if (!told(ask ? "C43" : "C42"))
		return;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket failed");
	if (ask)
		set_option(fd, SOL_SOCKET, SO_SNDBUF, ask);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &len) < 0)
		die("getsockopt failed");
	if (ask)
		printf("C43 SO_SNDBUF asked %d = %d\n", ask, got);
	else
		printf("C42 SO_SNDBUF of a new TCP socket = %d\n", got);
	close(fd);
}

int main(int argc, char **argv)
{
	struct in6_addr any = IN6ADDR_ANY_INIT;
	int opt = getopt(argc, argv, "h");

	if (opt != -1)
		usage_exit(opt, usage);
	claims = argv + optind;
	TRY_SOCKET("C1", AF_INET, SOCK_STREAM, 0);
	TRY_SOCKET("C1", AF_INET, SOCK_DGRAM, 0);
	TRY_SOCKET("C1", AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	TRY_SOCKET("C1", AF_INET, SOCK_STREAM, IPPROTO_UDP);
	TRY_SOCKET("C1", AF_UNIX, SOCK_STREAM, 0);
	TRY_SOCKET("C1", AF_UNIX, SOCK_DGRAM, 0);
	SIZE_OF("C7", struct sockaddr);
	OFFSET_OF("C7", struct sockaddr, sa_data);
	SIZE_OF("C8", sa_family_t);
	SIZE_OF("C8", int);
	OFFSET_OF("C8", struct sockaddr_in, sin_port);
	SIZE_OF("C9", in_port_t);
	FACT("C9", "largest port = %u\n", (in_port_t)-1);
	SIZE_OF("C9", struct sockaddr_in);
	FACT("C9", "padding = %zu bytes\n", sizeof(((struct sockaddr_in *)0)->sin_zero));
	OFFSET_OF("C10", struct sockaddr_in6, sin6_flowinfo);
	OFFSET_OF("C10", struct sockaddr_in6, sin6_scope_id);
	SIZE_OF("C11", struct sockaddr_un);
	FACT("C11", "longest path = %zu bytes and its NUL\n",
	       sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	SIZE_OF("C11", struct sockaddr_in);
	SIZE_OF("C11", struct sockaddr_in6);
	try_name("@one");
	try_name("@a-longer-name");
	TRY_SOCKET("C13", AF_INET, SOCK_RAW, 0);
	FACT("C16", "in6addr_any and IN6ADDR_ANY_INIT are %s\n",
	       memcmp(&any, &in6addr_any, sizeof(any)) ? "different" : "the same address");
	try_sndbuf(0);
	try_sndbuf(10000);
	try_sndbuf(100);
	try_sndbuf(1 << 30);
	FACT("C52", "EINTR = %d, EAGAIN = %d\n", EINTR, EAGAIN);
	SIZE_OF("C53", size_t);
	FACT("C53", "(size_t)-1 = %zu\n", (size_t)-1);
	FACT("C62", "65535 - 20 - 8 = %d\n", 65535 - 20 - 8);
	return 0;
}
