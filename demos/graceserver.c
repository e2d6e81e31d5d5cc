/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves one client, thinking before each answer: time enough for the client to close. */
#include "demo.h"

static const char usage[] =
	"usage: graceserver [-t SECONDS] [-p ignore|default|handler|wrong|nosignal]\n"
	"  -t SECONDS  think time before each answer (5)\n"
	"  -p POLICY   what SIGPIPE does (ignore):\n"
	"     ignore    SIG_IGN: send() fails with EPIPE\n"
	"     default   the process is killed\n"
	"     handler   a handler is run, then send() fails with EPIPE\n"
	"     wrong     the handler is for SIGINT, as in the notes: the process is killed\n"
	"     nosignal  MSG_NOSIGNAL: no signal is made at all, send() fails with EPIPE\n";

static volatile sig_atomic_t count;

static void sig_int(int signo)
{
	(void)signo;
	finish_with_count(count, "reads");
}

static void sig_pipe(int signo)
{
	static const char text[] = "SIGPIPE caught\n";

	if (signo == SIGINT || write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
}

/* Returns the flags that send() shall have. */
static int choose_policy(const char *policy)
{
	on_signal(SIGINT, sig_int);
	on_signal(SIGTERM, sig_int);
	signal(SIGPIPE, SIG_DFL);
	if (!strcmp(policy, "ignore"))
		signal(SIGPIPE, SIG_IGN);
	else if (!strcmp(policy, "handler"))
		on_signal(SIGPIPE, sig_pipe);
	else if (!strcmp(policy, "wrong"))
		on_signal(SIGINT, sig_pipe);
	else if (!strcmp(policy, "nosignal"))
		return MSG_NOSIGNAL;
	else if (strcmp(policy, "default"))
		usage_exit('?', usage);
	return 0;
}

int main(int argc, char **argv)
{
	const char *policy = "ignore";
	char reply[4 + MAXLINE] = "Hi, "; /* the greeting, then what was read */
	char *message = reply + 4;
	double think = 5;
	int opt;

	while ((opt = getopt(argc, argv, "t:p:h")) != -1) {
		if (opt == 't')
			think = number(optarg);
		else if (opt == 'p')
			policy = optarg;
		else
			usage_exit(opt, usage);
	}

	int flags = choose_policy(policy);
	struct address addr = address_parse("0.0.0.0", SERV_PORT);
	int listenfd = socket(AF_INET, SOCK_STREAM, 0);

	if (listenfd < 0)
		die("socket failed");
	set_option(listenfd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(listenfd, &addr.sa, addr.len) < 0)
		die("bind failed");
	if (listen(listenfd, LISTENQ) < 0)
		die("listen failed");

	int connfd = accept(listenfd, NULL, NULL);

	if (connfd < 0)
		die("accept failed");
	for (;;) {
		ssize_t n = read(connfd, message, MAXLINE);

		if (n < 0)
			die("error read");
		if (n == 0)
			quit("client closed");
		count++;
		printf("received %zd bytes: %.*s\n", n, (int)n, message);
		sleep_seconds(think);
		ssize_t sent = send(connfd, reply, 4 + n, flags);

		if (sent < 0)
			die("error write");
		printf("send bytes: %zd \n", sent);
	}
}
