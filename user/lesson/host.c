/* SPDX-License-Identifier: BSD-2-Clause */
#include "lesson/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

/* Stock values: a tuned machine hands its own on to new namespaces, and every number of a lesson would change. */
static const struct {
	const char *name, *value;
} stock[] = {
	{ "net.ipv4.tcp_rmem", "4096 131072 6291456" },
	{ "net.ipv4.tcp_wmem", "4096 16384 4194304" },
	{ "net.ipv4.tcp_congestion_control", "reno" }, /* where cubic is not allowed in namespaces */
	{ "net.ipv4.tcp_congestion_control", "cubic" },
	{ "net.ipv4.tcp_tw_reuse", "2" },
	{ "net.ipv4.tcp_fin_timeout", "60" },
	{ "net.ipv4.tcp_syn_retries", "6" },
	{ "net.ipv4.ip_local_port_range", "32768 60999" },
	{ "net.core.somaxconn", "4096" },
};

/* Enter `netns`, and give back a descriptor of the namespace left, or a negative errno. */
static int enter(int netns)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int err;

	if (home < 0)
		return -errno;
	if (setns(netns, CLONE_NEWNET)) {
		err = -errno;
		close(home);
		return err;
	}
	return home;
}

static void leave(int home)
{
	if (setns(home, CLONE_NEWNET)) {
		fail(-errno, "network namespace: cannot be left");
		_exit(EXIT_CODE_failed);
	}
	close(home);
}

static int sysctl_write(const char *name, const char *value)
{
	struct text path = TEXT_EMPTY;
	int fd, err = 0;

	text_put(&path, "/proc/sys/");
	for (const char *c = name; *c; c++)
		text_char(&path, *c == '.' ? '/' : *c);
	fd = open(text_string(&path), O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	text_finish(&path);
	return err;
}

int host_shell(const struct host *h, const char *command)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return fail(-errno, "command '%s': cannot be started", command);
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		if (setns(h->netns, CLONE_NEWNET))
			_exit(126);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		signal(SIGPIPE, SIG_DFL);
		signal(SIGINT, SIG_IGN);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	return fail(-EIO, "command '%s': failed on host '%s'", command, h->name);
}

int host_create(struct host *ret, const char *name)
{
	struct host h = { .netns = -1 };
	struct timespec now;
	struct stat status;
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), err = 0;

	if (home < 0)
		return fail(-errno, "host '%s': no network namespace to come from", name);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (unshare(CLONE_NEWNET)) {
		err = fail(-errno, "host '%s': no new network namespace", name);
		close(home);
		return err;
	}
	h.netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (h.netns < 0 || fstat(h.netns, &status))
		err = fail(-errno, "host '%s': its network namespace cannot be held", name);
	for (size_t i = 0; i < sizeof(stock) / sizeof(*stock); i++)
		sysctl_write(stock[i].name, stock[i].value);
	leave(home);
	if (err)
		return err;
	h.name = memory_string(name);
	h.inode = status.st_ino;
	h.born_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	err = host_shell(&h, "ip link set lo up");
	if (err) {
		host_finish(&h);
		return err;
	}
	*ret = h;
	return 0;
}

void host_finish(struct host *h)
{
	if (h->name && h->netns >= 0)
		close(h->netns);
	free(h->name);
	*h = (struct host){ .netns = -1 };
}

int host_link(const struct host *a, const char *a_address, const struct host *b, const char *b_address)
{
	struct text command = TEXT_EMPTY;
	int err;

	/* The peer is named by whose descriptor holds its namespace: this process. */
	text_printf(&command,
		    "ip link add to-%s type veth peer name to-%s netns /proc/%d/fd/%d && ip addr add %s dev to-%s && ip link set to-%s up",
		    b->name, a->name, getpid(), b->netns, a_address, b->name, b->name);
	err = host_shell(a, text_string(&command));
	text_clear(&command);
	text_printf(&command, "ip addr add %s dev to-%s && ip link set to-%s up", b_address, a->name, a->name);
	if (!err)
		err = host_shell(b, text_string(&command));
	text_finish(&command);
	return err;
}

int host_sysctl(const struct host *h, const char *name, const char *value)
{
	int home = enter(h->netns), err;

	if (home < 0)
		return fail(home, "host '%s': cannot be entered", h->name);
	err = sysctl_write(name, value);
	leave(home);
	return err ? fail(err, "sysctl '%s': cannot be set to '%s' on host '%s'", name, value, h->name) : 0;
}
