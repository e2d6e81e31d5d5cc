/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loads that `make bench` puts on sockets, in windows: each line with a number of milliseconds read from standard
 * input runs the load for so long, and one line of what was done is printed. Knows nothing of tracing.
 *
 *   load LOAD [-i IDLE] [-s BYTES] [-r RATE] [-1] [-a]
 *
 * One pair of processes per CPU, held there, so that nothing but the tracer makes one run differ from the next.
 * Connections are made before the first window and kept, but for churn. -i: so many idle connections besides;
 * -s: bytes of a message; -r: at most so many operations a second and pair; -1: one pair only; -a: the ends of a pair apart,
 * each on a CPU of its own, which sleeps while it waits for the other.
 * A window's line: operations, seconds, CPU seconds of the load, bytes sent, bytes received.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 64, PORT = 7000, MESSAGE = 1 << 17 };

/* What the processes of the load share. */
struct shared {
	uint64_t until_ns; /* the window's end; 0: none is open */
	uint32_t window;   /* its number */
	struct pair {
		uint64_t operations, sent, received;
		uint64_t server_sent, server_received;
		uint32_t done; /* window that the client has ended */
		uint32_t ready;
	} __attribute__((aligned(64))) pairs[PAIRS];
};

static struct shared *shared;
static size_t message;
static uint64_t rate;
static int apart;
static char buffer[MESSAGE];
static pid_t children[4 * PAIRS];
static int child_count;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static struct sockaddr_in address(int host, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(0x7f000001 + host);
	return a;
}

static int server_socket(int type, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type, 0), on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 4096))
		die("listen");
	return fd;
}

static int client_socket(int type, int host, int port)
{
	struct sockaddr_in a = address(host, port);
	int fd = socket(AF_INET, type, 0), on = 1;

	if (fd < 0)
		die("socket");
	if (type == SOCK_STREAM && host == 0) /* kept ones */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	return fd;
}

/* ---- what a client does once; what a server does until its peer is gone ---- */

struct end {
	struct pair *pair;
	int number, fd;
};

static void whole_read(int fd, size_t bytes, uint64_t *received)
{
	size_t have = 0;
	ssize_t n;

	while (have < bytes) {
		n = read(fd, buffer, bytes - have);
		if (n <= 0)
			die("read");
		have += n;
		*received += n;
	}
}

static void whole_write(int fd, size_t bytes, uint64_t *sent)
{
	if (write(fd, buffer, bytes) != (ssize_t)bytes)
		die("write");
	*sent += bytes;
}

static void answer_once(struct end *e)
{
	whole_write(e->fd, message, &e->pair->sent);
	whole_read(e->fd, message, &e->pair->received);
}

static void answer_serve(struct end *e)
{
	ssize_t n;

	while ((n = read(e->fd, buffer, sizeof(buffer))) > 0) {
		e->pair->server_received += n;
		whole_write(e->fd, n, &e->pair->server_sent);
	}
}

static void bulk_once(struct end *e)
{
	whole_write(e->fd, message, &e->pair->sent);
}

static void bulk_serve(struct end *e)
{
	ssize_t n;

	while ((n = read(e->fd, buffer, sizeof(buffer))) > 0)
		e->pair->server_received += n;
}

static void churn_once(struct end *e)
{
	/* Another address each time: TIME_WAIT must not run out of ports. */
	int fd = client_socket(SOCK_STREAM, 1 + e->pair->operations % 250, PORT + e->number);

	close(fd);
}

static void churn_serve(struct end *e)
{
	int fd;

	while ((fd = accept(e->fd, NULL, NULL)) >= 0) {
		if (read(fd, buffer, sizeof(buffer)) != 0)
			die("read of a closed connection");
		close(fd);
	}
}

/* The cheapest call that is told on its own: how fast can events come? */
static void option_once(struct end *e)
{
	int on = 1;

	setsockopt(e->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void option_serve(struct end *e)
{
	while (read(e->fd, buffer, sizeof(buffer)) > 0)
		;
}

static const struct load {
	const char *name;
	int family, type;
	size_t message;
	void (*once)(struct end *);
	void (*serve)(struct end *);
} loads[] = {
	{ "churn", AF_INET, SOCK_STREAM, 0, churn_once, churn_serve },
	{ "request", AF_INET, SOCK_STREAM, 64, answer_once, answer_serve },
	{ "bulk", AF_INET, SOCK_STREAM, 65536, bulk_once, bulk_serve },
	{ "udp", AF_INET, SOCK_DGRAM, 64, answer_once, answer_serve },
	{ "unix", AF_UNIX, SOCK_STREAM, 64, answer_once, answer_serve },
	{ "option", AF_INET, SOCK_STREAM, 0, option_once, option_serve },
};

static void stay(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void client_run(const struct load *l, struct end *e)
{
	uint32_t window = 0;
	struct timespec pause = { 0, 200000 };
	uint64_t begin, count;

	e->pair->ready = 1;
	for (;;) {
		if (__atomic_load_n(&shared->window, __ATOMIC_ACQUIRE) == window) {
			nanosleep(&pause, NULL);
			continue;
		}
		window++;
		begin = now_ns();
		count = 0;
		while (now_ns() < shared->until_ns) {
			for (int i = 0; i < 8; i++) {
				l->once(e);
				e->pair->operations++;
			}
			count += 8;
			while (rate && count * 1000000000ULL / rate > now_ns() - begin)
				;
		}
		__atomic_store_n(&e->pair->done, window, __ATOMIC_RELEASE);
	}
}

/* Two processes: a server and its client. Both end with their parent. */
static void pair_start(const struct load *l, int number, int cpu)
{
	struct end client = { &shared->pairs[number], number, -1 }, server = client;
	int unix_pair[2], listener = -1;

	if (l->family == AF_UNIX) {
		if (socketpair(AF_UNIX, l->type, 0, unix_pair))
			die("socketpair");
	} else {
		listener = server_socket(l->type, PORT + number);
	}
	if (!(children[child_count++] = fork())) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stay(cpu);
		if (l->family == AF_UNIX) {
			close(unix_pair[0]);
			server.fd = unix_pair[1];
		} else if (l->once == churn_once) {
			server.fd = listener;
		} else if (l->type == SOCK_DGRAM) {
			struct sockaddr_in a;
			socklen_t length = sizeof(a);

			server.fd = listener;
			if (recvfrom(listener, buffer, 1, 0, (struct sockaddr *)&a, &length) < 0 ||
			    connect(listener, (struct sockaddr *)&a, sizeof(a)))
				die("first datagram");
		} else {
			int on = 1;

			server.fd = accept(listener, NULL, NULL);
			setsockopt(server.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		}
		l->serve(&server);
		exit(0);
	}
	if (!(children[child_count++] = fork())) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stay((cpu + apart) % sysconf(_SC_NPROCESSORS_ONLN));
		if (l->family == AF_UNIX) {
			close(unix_pair[1]);
			client.fd = unix_pair[0];
		} else if (l->once != churn_once) {
			client.fd = client_socket(l->type, 0, PORT + number);
			if (l->type == SOCK_DGRAM && write(client.fd, "", 1) != 1)
				die("first datagram");
		}
		client_run(l, &client);
		exit(0);
	}
	if (listener >= 0)
		close(listener);
	if (l->family == AF_UNIX) {
		close(unix_pair[0]);
		close(unix_pair[1]);
	}
}

/* Connections on which nothing happens, both ends held by one process. */
static void idle_start(long count)
{
	struct rlimit limit;
	int listener, ready[2];
	char byte = 0;
	static int holder;

	/* As many processes as the limit of descriptors asks for. */
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max != RLIM_INFINITY && 2 * count + 64 > (long)limit.rlim_max) {
		long part = ((long)limit.rlim_max - 64) / 2;

		if (part < 1)
			die("descriptors for the idle connections");
		idle_start(count - part);
		count = part;
	}
	holder++;
	if (pipe(ready))
		die("pipe");
	if (!(children[child_count++] = fork())) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setrlimit(RLIMIT_NOFILE, &limit))
			die("descriptors for the idle connections");
		listener = server_socket(SOCK_STREAM, PORT - holder);
		for (long i = 0; i < count; i++) {
			client_socket(SOCK_STREAM, i % 250, PORT - holder);
			if (accept(listener, NULL, NULL) < 0)
				die("accept");
		}
		if (write(ready[1], &byte, 1) != 1)
			die("pipe");
		pause();
		exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		exit(1);
	close(ready[0]);
}

static double cpu_seconds(void)
{
	double sum = 0;
	clockid_t clock;
	char path[64];
	FILE *f;
	int pid;

	/* The children live on: their clocks are read one by one. */
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1) {
		struct timespec t;

		if (!clock_getcpuclockid(pid, &clock) && !clock_gettime(clock, &t))
			sum += t.tv_sec + t.tv_nsec / 1e9;
	}
	if (f)
		fclose(f);
	return sum;
}

int main(int argc, char **argv)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), pairs, option;
	const struct load *l = NULL;
	struct timespec pause = { 0, 500000 };
	struct pair before, after;
	char line[64];
	long idle = 0;

	pairs = cpus > PAIRS ? PAIRS : cpus;
	for (size_t i = 0; argc > 1 && i < sizeof(loads) / sizeof(*loads); i++)
		if (!strcmp(loads[i].name, argv[1]))
			l = &loads[i];
	if (!l) {
		fprintf(stderr, "usage: load churn|request|bulk|udp|unix|option [-i IDLE] [-s BYTES] [-r RATE] [-1] [-a]\n");
		return 2;
	}
	message = l->message;
	optind = 2;
	while ((option = getopt(argc, argv, "i:s:r:1a")) >= 0) {
		if (option == 'i')
			idle = atol(optarg);
		else if (option == 's')
			message = atol(optarg);
		else if (option == 'r')
			rate = atol(optarg);
		else if (option == '1')
			pairs = 1;
		else if (option == 'a')
			apart = 1;
		else
			return 2;
	}
	if (message > sizeof(buffer))
		message = sizeof(buffer);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("shared memory");
	if (idle)
		idle_start(idle);
	for (int i = 0; i < pairs; i++)
		pair_start(l, i, i % cpus);
	for (int i = 0; i < pairs; i++)
		while (!*(volatile uint32_t *)&shared->pairs[i].ready) {
			if (waitpid(-1, NULL, WNOHANG) > 0)
				return 1;
			nanosleep(&pause, NULL);
		}
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t begin = now_ns();
		double cpu = cpu_seconds();

		memset(&before, 0, sizeof(before));
		memset(&after, 0, sizeof(after));
		for (int i = 0; i < pairs; i++) {
			before.operations += shared->pairs[i].operations;
			before.sent += shared->pairs[i].sent + shared->pairs[i].server_sent;
			before.received += shared->pairs[i].received + shared->pairs[i].server_received;
		}
		shared->until_ns = begin + atol(line) * 1000000ULL;
		__atomic_add_fetch(&shared->window, 1, __ATOMIC_RELEASE);
		for (int i = 0; i < pairs; i++)
			while (__atomic_load_n(&shared->pairs[i].done, __ATOMIC_ACQUIRE) != shared->window) {
				if (waitpid(-1, NULL, WNOHANG) > 0)
					return 1;
				nanosleep(&pause, NULL);
			}
		if (l->serve == bulk_serve) { /* what is under way belongs to the window */
			struct timespec arrive = { 0, 50000000 };

			nanosleep(&arrive, NULL);
		}
		for (int i = 0; i < pairs; i++) {
			after.operations += shared->pairs[i].operations;
			after.sent += shared->pairs[i].sent + shared->pairs[i].server_sent;
			after.received += shared->pairs[i].received + shared->pairs[i].server_received;
		}
		printf("%llu %.6f %.6f %llu %llu\n", (unsigned long long)(after.operations - before.operations),
		       (shared->until_ns - begin) / 1e9, cpu_seconds() - cpu, (unsigned long long)(after.sent - before.sent),
		       (unsigned long long)(after.received - before.received));
		fflush(stdout);
	}
	for (int i = 0; i < child_count; i++)
		kill(children[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
