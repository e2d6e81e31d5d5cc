/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the demo programs share: the notes' constants, addresses, errors by name and number, time.
 * Knows nothing of socktale; every program builds with this header alone: gcc -o x x.c
 */
#ifndef DEMO_H
#define DEMO_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERV_PORT 9527    /* every pair but the stream pair */
#define STREAM_PORT 12345 /* tcpserver and tcpclient */
#define MAXLINE 4096      /* longest line or datagram, in bytes */
#define BUFFER_SIZE 4096  /* the fixed unit of the local stream pair, in bytes */
#define LISTENQ 1024      /* backlog given to listen() */

/* Any socket address and its length, as connect() and bind() want it: &a.sa, a.len. */
struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len; /* bytes in use */
};

/* A pipe would make stdout block-buffered and hide every line until exit. */
__attribute__((constructor)) static void demo_line_buffered(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}

/* "ECONNREFUSED Connection refused (111)". Valid until the next call. */
static inline const char *error_text(int err)
{
	static char text[128];
	const char *name = strerrorname_np(err);

	snprintf(text, sizeof(text), "%s %s (%d)", name ? name : "?", strerror(err), err);
	return text;
}

/* Prints "<what>: <errno name, text and number>" and ends with status 1. */
__attribute__((noreturn)) static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, error_text(errno));
	exit(1);
}

/* What tcpclient -s sends: the place of each group of four bytes, counted, highest byte first. */
static inline char number_at(size_t place)
{
	return (place / 4) >> (24 - place % 4 * 8);
}

/* Prints a line where errno has nothing to say, and ends with status 1. */
__attribute__((noreturn)) static inline void quit(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

/* After getopt: -h prints the usage and ends with 0; a mistake prints it on stderr, status 2. */
__attribute__((noreturn)) static inline void usage_exit(int opt, const char *usage)
{
	fputs(usage, opt == 'h' ? stdout : stderr);
	exit(opt == 'h' ? 0 : 2);
}

/* A number from the command line, zero or more; ends with status 2 when it is none. */
static inline double number(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value <= 1e15)) {
		fprintf(stderr, "number '%s': not understood\n", text);
		exit(2);
	}
	return value;
}

/* The same for a whole number that fits an int. */
static inline int whole_number(const char *text)
{
	double value = number(text);

	if (value > INT_MAX || value != (int)value) {
		fprintf(stderr, "number '%s': not a whole number of this size\n", text);
		exit(2);
	}
	return value;
}

/* A port from the command line: 0 to 65535. */
static inline int port_number(const char *text)
{
	double value = number(text);

	if (value > 65535 || value != (int)value) {
		fprintf(stderr, "port '%s': not between 0 and 65535\n", text);
		exit(2);
	}
	return value;
}

/*
 * An IPv4 or IPv6 literal (fe80::1%eth0 with its interface) and a port in host order.
 * An unchecked inet_pton() would turn a typing error into 0.0.0.0, which is this very host.
 */
static inline struct address address_parse(const char *text, int port)
{
	struct address a = {0};
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	char *scope;

	snprintf(host, sizeof(host), "%s", text);
	scope = strchr(host, '%');
	if (scope)
		*scope++ = '\0';
	if (!scope && inet_pton(AF_INET, host, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		a.len = sizeof(a.in);
		return a;
	}
	if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
		a.in6.sin6_scope_id = scope ? if_nametoindex(scope) : 0;
		a.len = sizeof(a.in6);
		if (!scope || a.in6.sin6_scope_id)
			return a;
	}
	fprintf(stderr, "address '%s': not an IPv4 or IPv6 address\n", text);
	exit(2);
}

/* A local path, or with a leading @ an abstract name, which is no file. */
static inline struct address address_path(const char *path)
{
	struct address a = {0};
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(a.un.sun_path)) {
		fprintf(stderr, "path '%s': %zu bytes, allowed are 1 to %zu\n", path, n,
			sizeof(a.un.sun_path) - 1);
		exit(2);
	}
	a.un.sun_family = AF_UNIX;
	memcpy(a.un.sun_path, path, n + 1);
	a.len = offsetof(struct sockaddr_un, sun_path) + n + 1;
	if (path[0] == '@') {
		a.un.sun_path[0] = '\0';
		a.len--;
	}
	return a;
}

/* "127.0.0.1:80", "[::1]:80", a path or @name. Valid until the next call but one. */
static inline const char *address_text(const struct address *a)
{
	static char texts[2][160];
	static int turn;
	char *text = texts[turn ^= 1];
	char host[INET6_ADDRSTRLEN];
	int path_len = (int)a->len - (int)offsetof(struct sockaddr_un, sun_path);

	if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
		snprintf(text, sizeof(*texts), "%s:%d", host, ntohs(a->in.sin_port));
	} else if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
		snprintf(text, sizeof(*texts), "[%s]:%d", host, ntohs(a->in6.sin6_port));
	} else if (a->sa.sa_family == AF_UNIX && path_len > 0) {
		bool abstract = a->un.sun_path[0] == '\0';

		snprintf(text, sizeof(*texts), "%s%.*s", abstract ? "@" : "", path_len - abstract,
			 a->un.sun_path + abstract);
	} else {
		snprintf(text, sizeof(*texts), "(no name)");
	}
	return text;
}

/* Same family, address and port? */
static inline bool address_equal(const struct address *a, const struct address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port &&
	       !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr));
}

/* The name of this end. */
static inline struct address address_local(int fd)
{
	struct address a = {.len = sizeof(a.storage)};

	if (getsockname(fd, &a.sa, &a.len) < 0)
		die("getsockname failed");
	return a;
}

/* Sets an integer socket option or ends. */
static inline void set_option(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		die("setsockopt failed");
}

/* Receive or send timeout: option is SO_RCVTIMEO or SO_SNDTIMEO; 0 seconds means none. */
static inline void set_timeout(int fd, int option, double seconds)
{
	struct timeval tv = {seconds, (seconds - (long)seconds) * 1e6};

	if (setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)) < 0)
		die("setsockopt failed");
}

/*
 * A listening TCP socket, with SO_REUSEADDR as every server should have it. Ends on failure.
 * The notes' own programs spell these calls out.
 */
static inline int tcp_listen(const char *host, int port, int backlog)
{
	struct address a = address_parse(host, port);
	int fd = socket(a.sa.sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket failed");
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &a.sa, a.len) < 0)
		die("bind failed");
	if (listen(fd, backlog) < 0)
		die("listen failed");
	return fd;
}

/* A connected TCP socket. Ends on failure. */
static inline int tcp_connect(const char *host, int port)
{
	struct address a = address_parse(host, port);
	int fd = socket(a.sa.sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket failed");
	if (connect(fd, &a.sa, a.len) < 0)
		die("connect failed");
	return fd;
}

/* Writes all n bytes. Returns 0, or -1 with errno: a short write is no error, it goes on. */
static inline int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			p += done;
			n -= done;
		}
	}
	return 0;
}

/* The TCP state of a socket by name, as the kernel spells it. */
static inline const char *tcp_state(int fd)
{
	static const char *const names[] = {"?", "ESTABLISHED", "SYN_SENT", "SYN_RECV",
		"FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN",
		"CLOSING"};
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    info.tcpi_state >= sizeof(names) / sizeof(*names))
		return "?";
	return names[info.tcpi_state];
}

/* Milliseconds of a clock that never jumps. */
static inline double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/* Sleeps all of it, whatever signals arrive. */
static inline void sleep_seconds(double seconds)
{
	struct timespec ts = {seconds, (seconds - (long)seconds) * 1e9};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* Installs a handler without SA_RESTART: a blocked call ends with EINTR. */
static inline void on_signal(int signo, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};

	sigaction(signo, &sa, NULL);
}

/*
 * For handlers of SIGINT and SIGTERM: prints an empty line, then "received <count> <what>", and
 * ends with status 0. Only write() and _exit() are allowed there, so no printf().
 */
__attribute__((noreturn)) static inline void finish_with_count(unsigned int count, const char *what)
{
	char line[128] = "\nreceived ";
	size_t at = strlen(line);
	char digits[12];
	int n = 0;

	do
		digits[n++] = '0' + count % 10;
	while (count /= 10);
	while (n > 0)
		line[at++] = digits[--n];
	line[at++] = ' ';
	while (*what && at < sizeof(line) - 1)
		line[at++] = *what++;
	line[at++] = '\n';
	if (write(STDOUT_FILENO, line, at) < 0)
		_exit(1);
	_exit(0);
}

#endif
