/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/patient.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/language.h"

#define LIFETIME_S 30
#define FLOOD_BYTES (1 << 20)

/* One of the two processes: what it needs to act in turn with the other. */
struct actor {
	struct patient *p;
	int turn, other; /* pipe ends: a byte comes when it is our turn; one is written when it is the other's */
};

#define TRY(call)                                                                        \
	do {                                                                             \
		if ((call) < 0)                                                          \
			trouble(a, #call);                                               \
	} while (0)

static void trouble(struct actor *a, const char *call)
{
	if (!a->p->trouble[0])
		snprintf(a->p->trouble, sizeof(a->p->trouble), "%.80s: %s", _(call), strerror(errno));
}

static void give(struct actor *a)
{
	if (write(a->other, "\n", 1) != 1)
		_exit(1);
}

static void take(struct actor *a)
{
	char byte;

	if (read(a->turn, &byte, 1) != 1)
		_exit(1);
}

static void set(struct actor *a, int fd, int level, int option, int value)
{
	TRY(setsockopt(fd, level, option, &value, sizeof(value)));
}

static union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
} loopback(int family, uint16_t port)
{
	union address to;

	memset(&to, 0, sizeof(to));
	if (family == AF_INET) {
		to.four.sin_family = AF_INET;
		to.four.sin_port = htons(port);
		to.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else {
		to.six.sin6_family = AF_INET6;
		to.six.sin6_port = htons(port);
		to.six.sin6_addr = in6addr_loopback;
	}
	return to;
}

static socklen_t address_size(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static uint16_t port_of(int fd)
{
	union address at;
	socklen_t size = sizeof(at);

	memset(&at, 0, sizeof(at));
	if (getsockname(fd, &at.any, &size))
		return 0;
	return ntohs(at.any.sa_family == AF_INET ? at.four.sin_port : at.six.sin6_port);
}

/* A socket bound to a port of the kernel's choice on loopback; -1 without a word where the family is missing. */
static int bound(int family, int type, uint16_t *ret_port)
{
	union address at = loopback(family, 0);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, &at.any, address_size(family))) {
		close(fd);
		return -1;
	}
	*ret_port = port_of(fd);
	return fd;
}

static int connected(struct actor *a, int family, uint16_t port)
{
	union address to = loopback(family, port);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TRY(connect(fd, &to.any, address_size(family)));
	return fd;
}

static void read_all(struct actor *a, int fd, size_t bytes)
{
	static char buffer[65536];
	ssize_t n;

	for (; bytes; bytes -= n) {
		n = recv(fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer), 0);
		if (n <= 0) {
			TRY(n ? n : -1);
			return;
		}
	}
}

static void write_all(struct actor *a, int fd, size_t bytes)
{
	static const char zeroes[FLOOD_BYTES];

	TRY(send(fd, zeroes, bytes, 0));
}

/* Four bytes with a descriptor and who sends it (unix(7)). */
static void write_along(struct actor *a, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr aligned;
	} control = { 0 };
	struct ucred self = { .pid = getpid(), .uid = getuid(), .gid = getgid() };
	struct iovec four = { (char *)"four", 4 };
	struct msghdr m = { .msg_iov = &four, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	c = CMSG_NXTHDR(&m, c);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(self)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS };
	memcpy(CMSG_DATA(c), &self, sizeof(self));
	TRY(sendmsg(fd, &m, 0));
}

static void reset_close(struct actor *a, int fd)
{
	struct linger none = { .l_onoff = 1 };

	TRY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)));
	TRY(close(fd));
}

/* Make the socket deaf, so that what is sent to it is lost as on a bad line. */
static void deafen(struct actor *a, int fd, bool deaf)
{
	struct sock_filter drop = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog program = { 1, &drop };

	if (deaf)
		TRY(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
	else
		TRY(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &program, sizeof(program)));
}

static struct sockaddr_un hidden_name(const struct patient *p, socklen_t *ret_size)
{
	struct sockaddr_un to;

	memset(&to, 0, sizeof(to));
	to.sun_family = AF_UNIX;
	*ret_size = offsetof(struct sockaddr_un, sun_path) + 1 +
		    snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "socktale-doctor-%d", p->client);
	return to;
}

/* ---- each chapter twice: what the server does, and what the client does meanwhile ---- */

/* A connection that is made, used with small writes and with a loss, half-closed and closed. */
static void server_whole_life(struct actor *a, int listener)
{
	int fd;

	TRY(fd = accept(listener, NULL, NULL));
	set(a, fd, IPPROTO_TCP, TCP_QUICKACK, 0);
	give(a);
	read_all(a, fd, 2); /* waits: the second byte is held by Nagle until the first is acknowledged, late */
	write_all(a, fd, 1);
	take(a);
	deafen(a, fd, true);
	give(a);
	take(a);
	deafen(a, fd, false);
	read_all(a, fd, 10);
	TRY(shutdown(fd, SHUT_WR));
	give(a);
	take(a);
	TRY(close(fd));
}

static void client_whole_life(struct actor *a, uint16_t port)
{
	int fd = connected(a, AF_INET, port);
	char end;

	take(a);
	pause_ms(5); /* let the server fall asleep in recv() */
	write_all(a, fd, 1);
	write_all(a, fd, 1);
	read_all(a, fd, 1);
	give(a);
	take(a);
	write_all(a, fd, 10);
	pause_ms(30);
	give(a);
	take(a);
	TRY(recv(fd, &end, 1, 0));
	TRY(close(fd));
	give(a);
}

/* The server closes first: its end waits in TIME_WAIT, until the same client port comes again and takes its place. */
static void server_closes_first(struct actor *a, int listener)
{
	char end;
	int fd;

	for (int i = 0; i < 2; i++) {
		TRY(fd = accept(listener, NULL, NULL));
		TRY(shutdown(fd, SHUT_WR));
		TRY(recv(fd, &end, 1, 0));
		TRY(close(fd));
		give(a);
		take(a);
	}
}

static void client_comes_again(struct actor *a, uint16_t port)
{
	union address to = loopback(AF_INET, port), from = loopback(AF_INET, 0);
	char end;

	for (int i = 0; i < 2; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		set(a, fd, SOL_SOCKET, SO_REUSEADDR, 1);
		TRY(bind(fd, &from.any, sizeof(from.four)));
		TRY(connect(fd, &to.any, sizeof(to.four)));
		from = loopback(AF_INET, port_of(fd));
		TRY(recv(fd, &end, 1, 0));
		TRY(close(fd));
		take(a);
		pause_ms(20);
		give(a);
	}
}

/* IPv6: one exchange. */
static void server_six(struct actor *a, int listener)
{
	char end;
	int fd;

	TRY(fd = accept(listener, NULL, NULL));
	read_all(a, fd, 5);
	TRY(recv(fd, &end, 1, 0));
	TRY(close(fd));
	give(a);
}

static void client_six(struct actor *a, uint16_t port)
{
	int fd = connected(a, AF_INET6, port);

	write_all(a, fd, 5);
	TRY(close(fd));
	take(a);
}

/* A port where nobody listens. */
static void client_refused(struct actor *a, int family, uint16_t port)
{
	union address to = loopback(family, port);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!connect(fd, &to.any, address_size(family)) || errno != ECONNREFUSED)
		trouble(a, N_("connect to a closed port"));
	TRY(close(fd));
}

/* The same by a program that does not wait: it asks how its connect() has ended. */
static void client_asks(struct actor *a, uint16_t port)
{
	union address to = loopback(AF_INET, port);
	struct pollfd answer = { .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error = 0;

	answer.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!connect(answer.fd, &to.any, address_size(AF_INET)) || errno != EINPROGRESS || poll(&answer, 1, 5000) != 1 ||
	    getsockopt(answer.fd, SOL_SOCKET, SO_ERROR, &error, &size) || error != ECONNREFUSED)
		trouble(a, N_("connect to a closed port"));
	TRY(close(answer.fd));
}

/* More than fits: the writer waits, the window is shut and probed. Then a reset, and writes that fail. */
static void server_narrow(struct actor *a, int listener)
{
	int fd;

	TRY(fd = accept(listener, NULL, NULL));
	pause_ms(450);
	read_all(a, fd, FLOOD_BYTES);
	take(a);
	reset_close(a, fd);
	give(a);
}

static void client_narrow(struct actor *a, uint16_t port)
{
	union address to = loopback(AF_INET, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	set(a, fd, SOL_SOCKET, SO_SNDBUF, 16384);
	TRY(connect(fd, &to.any, sizeof(to.four)));
	write_all(a, fd, FLOOD_BYTES);
	give(a);
	take(a);
	if (send(fd, "x", 1, 0) >= 0 || send(fd, "x", 1, 0) >= 0 || errno != EPIPE)
		trouble(a, N_("send after a reset"));
	TRY(close(fd));
}

/* Bytes nobody reads: closing throws them away, with a reset. */
static void server_unread(struct actor *a, int listener)
{
	int fd;

	TRY(fd = accept(listener, NULL, NULL));
	take(a);
	TRY(close(fd));
	give(a);
}

static void client_unread(struct actor *a, uint16_t port)
{
	int fd = connected(a, AF_INET, port);

	write_all(a, fd, 3);
	pause_ms(5);
	give(a);
	take(a);
	TRY(close(fd));
}

/* More clients than the queue holds: the last are dropped in silence. */
static void client_crowd(struct actor *a, uint16_t port)
{
	union address to = loopback(AF_INET, port);
	int fds[4];

	for (int i = 0; i < 4; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[i], &to.any, sizeof(to.four)) && errno != EINPROGRESS)
			trouble(a, N_("connect of a crowd"));
		pause_ms(5);
	}
	for (int i = 0; i < 4; i++)
		TRY(close(fds[i]));
}

static void server_datagrams(struct actor *a, int fd)
{
	union address from;
	socklen_t size = sizeof(from);
	char byte;

	TRY(recvfrom(fd, &byte, 1, 0, &from.any, &size));
	TRY(sendto(fd, &byte, 1, 0, &from.any, size));
}

static void client_datagrams(struct actor *a, const struct patient *p)
{
	union address to = loopback(AF_INET, p->datagram_port), closed = loopback(AF_INET, p->closed_port), none = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte;

	TRY(connect(fd, &to.any, sizeof(to.four)));
	write_all(a, fd, 1);
	TRY(recv(fd, &byte, 1, 0));
	none.any.sa_family = AF_UNSPEC;
	TRY(connect(fd, &none.any, sizeof(none)));
	TRY(connect(fd, &closed.any, sizeof(closed.four)));
	write_all(a, fd, 1);
	pause_ms(5);
	if (send(fd, "x", 1, 0) >= 0 || errno != ECONNREFUSED)
		trouble(a, N_("send to a closed UDP port"));
	take(a);
	TRY(connect(fd, &to.any, sizeof(to.four)));
	for (int i = 0; i < 20; i++) /* more than the server's buffer holds; it does not read any */
		write_all(a, fd, 1000);
	TRY(close(fd));
}

enum {
	UNIX_FLOOD_BYTES = 65536, /* more than the writer's buffer holds */
	UNIX_CROWD = 3,           /* one more than the listener's queue */
};

static void server_unix(struct actor *a, int listener)
{
	int fd;

	TRY(fd = accept(listener, NULL, NULL));
	read_all(a, fd, 4);
	write_all(a, fd, 4);
	take(a);
	pause_ms(50);
	read_all(a, fd, UNIX_FLOOD_BYTES);
	TRY(close(fd));
	take(a);
	pause_ms(50);
	for (int i = 0; i < UNIX_CROWD; i++) {
		TRY(fd = accept(listener, NULL, NULL));
		TRY(close(fd));
	}
}

static void client_unix(struct actor *a)
{
	socklen_t size;
	struct sockaddr_un to = hidden_name(a->p, &size);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	set(a, fd, SOL_SOCKET, SO_SNDBUF, 8192);
	TRY(connect(fd, (struct sockaddr *)&to, size));
	write_along(a, fd);
	read_all(a, fd, 4);
	give(a);
	write_all(a, fd, UNIX_FLOOD_BYTES);
	TRY(close(fd));
	give(a);
	for (int i = 0; i < UNIX_CROWD; i++) {
		TRY(fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
		TRY(connect(fd, (struct sockaddr *)&to, size));
		TRY(close(fd));
	}
}

static int unix_listener(struct actor *a)
{
	socklen_t size;
	struct sockaddr_un at = hidden_name(a->p, &size);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TRY(bind(fd, (struct sockaddr *)&at, size));
	TRY(listen(fd, 1));
	return fd;
}

static void server_main(struct actor *a)
{
	struct patient *p = a->p;
	int listener, listener6, narrow, crowded, datagrams, local;

	prctl(PR_SET_NAME, "doctor-server");
	TRY(listener = bound(AF_INET, SOCK_STREAM, &p->listener_port));
	TRY(listen(listener, 8));
	listener6 = bound(AF_INET6, SOCK_STREAM, &p->listener6_port);
	if (listener6 >= 0)
		TRY(listen(listener6, 8));
	TRY(narrow = bound(AF_INET, SOCK_STREAM, &p->narrow_port));
	set(a, narrow, SOL_SOCKET, SO_RCVBUF, 8192);
	TRY(listen(narrow, 1));
	TRY(crowded = bound(AF_INET, SOCK_STREAM, &p->crowded_port));
	TRY(listen(crowded, 0));
	TRY(bound(AF_INET, SOCK_STREAM, &p->closed_port));
	TRY(datagrams = bound(AF_INET, SOCK_DGRAM, &p->datagram_port));
	set(a, datagrams, SOL_SOCKET, SO_RCVBUF, 4096);
	local = unix_listener(a);
	give(a);

	server_whole_life(a, listener);
	server_closes_first(a, listener);
	if (listener6 >= 0)
		server_six(a, listener6);
	server_narrow(a, narrow);
	server_unread(a, listener);
	server_datagrams(a, datagrams);
	give(a);
	server_unix(a, local);
	take(a);
	close(crowded); /* with connections in its queue */
	close(listener);
	pause_ms(20);
}

static void client_main(struct actor *a)
{
	struct patient *p = a->p;

	take(a);
	client_whole_life(a, p->listener_port);
	client_comes_again(a, p->listener_port);
	if (p->listener6_port) {
		client_six(a, p->listener6_port);
		client_refused(a, AF_INET6, p->closed_port);
	}
	client_refused(a, AF_INET, p->closed_port);
	client_asks(a, p->closed_port);
	client_narrow(a, p->narrow_port);
	client_unread(a, p->listener_port);
	client_datagrams(a, p);
	client_unix(a);
	client_crowd(a, p->crowded_port);
	if (write(STDOUT_FILENO, "the end\n", 8) != 8)
		trouble(a, "write");
	give(a);
}

/* ---- birth and death ---- */

static void namespace_enter(struct patient *p)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd;

	if (unshare(CLONE_NEWNET))
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &lo)) {
		lo.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &lo))
			snprintf(p->trouble, sizeof(p->trouble), _("loopback interface: %s"), strerror(errno));
	}
	close(fd);
	p->own_netns = true;
}

static void live(struct patient *p)
{
	struct actor client = { .p = p }, server = { .p = p };
	int to_server[2], to_client[2], status;
	pid_t pid;

	prctl(PR_SET_NAME, "doctor-client");
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(to_server, O_CLOEXEC) || pipe2(to_client, O_CLOEXEC))
		_exit(1);
	server.turn = to_server[0], server.other = to_client[1];
	client.turn = to_client[0], client.other = to_server[1];
	pid = fork();
	if (pid < 0)
		_exit(1);
	if (!pid) {
		p->server = getpid();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(client.turn);
		close(client.other);
		server_main(&server);
		_exit(0);
	}
	close(server.turn);
	close(server.other);
	client_main(&client);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int patient_create(struct patient **ret, int *ret_gate)
{
	struct patient *p;
	int gate[2], nowhere, err;
	pid_t pid;
	char byte;

	p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return fail(-errno, "self-test: no memory to share");
	if (pipe2(gate, O_CLOEXEC)) {
		err = fail(-errno, "self-test: no pipe");
		munmap(p, sizeof(*p));
		return err;
	}
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(gate[1]);
		nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(nowhere, STDOUT_FILENO);
		namespace_enter(p);
		if (read(gate[0], &byte, 1) != 1)
			_exit(0); /* the doctor gave up */
		live(p);
	}
	close(gate[0]);
	if (pid < 0) {
		err = fail(-errno, "self-test: cannot start a process");
		close(gate[1]);
		munmap(p, sizeof(*p));
		return err;
	}
	p->client = pid;
	*ret = p;
	*ret_gate = gate[1];
	return 0;
}

int patient_live(struct patient *p, int gate)
{
	int status = 0, waited;
	pid_t client = p->client;

	if (write(gate, "\n", 1) != 1)
		return fail(-errno, "self-test: cannot be released");
	for (waited = 0; waited < LIFETIME_S * 100; waited++) {
		pid_t ended = waitpid(client, &status, WNOHANG);

		if (ended == client)
			break;
		if (ended < 0 && errno != EINTR)
			return fail(-errno, "self-test: lost sight of its process");
		pause_ms(10);
	}
	if (waited == LIFETIME_S * 100)
		return fail(-ETIMEDOUT, "self-test: its processes are stuck");
	p->ended = true;
	if (!status)
		return 0;
	fail(0, "self-test: its processes ended with status %d%s%s", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) + 128,
	     p->trouble[0] ? ": " : "", p->trouble);
	return -ECHILD;
}

void patient_destroy(struct patient *p)
{
	if (!p)
		return;
	if (!p->ended) {
		kill(p->client, SIGKILL); /* its server dies with it */
		waitpid(p->client, NULL, 0);
	}
	munmap(p, sizeof(*p));
}
