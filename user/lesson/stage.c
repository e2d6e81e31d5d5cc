/* SPDX-License-Identifier: BSD-2-Clause */
#include "lesson/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"

enum { ARGUMENTS = 32, ARGUMENT_BYTES = 1600 };

enum ask { ASK_directory, ASK_start, ASK_end };

/* One write to a pipe: below PIPE_BUF, so it arrives whole. */
struct request {
	enum ask ask;
	uid_t uid;
	char terminal[64], netns[64];
	unsigned argc;
	char arguments[ARGUMENT_BYTES]; /* strings one behind the other */
};

struct reply {
	pid_t pid; /* as this process's parent knows it, or a negative errno */
};

/* ---- the stage itself ---- */

/* Process id as the namespace of /proc knows it, which is the parent's. */
static pid_t pid_outside(void)
{
	char name[32] = "";

	return readlink("/proc/self", name, sizeof(name) - 1) > 0 ? strtol(name, NULL, 10) : getpid();
}

/* Not a controlling terminal: nobody's end must send SIGHUP to anybody. */
static int take_terminal(const char *path)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	struct termios mode;
	int fd = open(path, O_RDWR | O_NOCTTY);

	if (fd < 0)
		return -errno;
	ioctl(fd, TIOCSWINSZ, &size);
	if (!tcgetattr(fd, &mode)) {
		mode.c_lflag &= ~(ECHO | ECHOE | ECHOK);
		mode.c_oflag &= ~ONLCR;
		tcsetattr(fd, TCSANOW, &mode);
	}
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	return 0;
}

static void answer(int replies, pid_t pid)
{
	struct reply r = { .pid = pid };

	if (write(replies, &r, sizeof(r)) != sizeof(r))
		_exit(EXIT_CODE_failed);
}

/* What root has built in a folder of its own, another user cannot reach: give that one a copy here, in the fresh directory. */
static int bring_along(char **program, char *ret_path, size_t room)
{
	int from = open(*program, O_RDONLY | O_CLOEXEC), to, err = 0;
	char bytes[16384];
	ssize_t n;

	if (from < 0)
		return -errno;
	snprintf(ret_path, room, "./%s", strrchr(*program, '/') + 1);
	unlink(ret_path);
	to = open(ret_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (to < 0 || fchmod(to, 0755))
		err = -errno;
	while (!err && (n = read(from, bytes, sizeof(bytes))) != 0)
		if (n < 0 || write(to, bytes, n) != n)
			err = errno ? -errno : -EIO;
	close(from);
	if (to >= 0)
		close(to);
	*program = ret_path;
	return err;
}

static _Noreturn void become(const struct request *r, int replies)
{
	char *argv[ARGUMENTS + 1] = { NULL };
	const char *at = r->arguments;
	char copy[256];
	sigset_t none;
	int netns, err = 0;

	for (unsigned i = 0; i < r->argc && i < ARGUMENTS; i++, at += strlen(at) + 1)
		argv[i] = (char *)at;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	setsid();
	netns = open(r->netns, O_RDONLY | O_CLOEXEC);
	if (netns < 0 || setns(netns, CLONE_NEWNET))
		err = -errno;
	if (!err)
		err = take_terminal(r->terminal);
	if (!err && r->uid && strchr(argv[0], '/'))
		err = bring_along(&argv[0], copy, sizeof(copy));
	if (!err && r->uid && (setgroups(0, NULL) || setgid(r->uid) || setuid(r->uid)))
		err = -errno;
	answer(replies, err ? err : pid_outside());
	if (err)
		_exit(126);
	/* The directory is mounted nowhere, so getcwd() fails, and a shell complains: unless this name of it is right. */
	setenv("PWD", "/proc/self/cwd", 1);
	/* What the system's programs print is looked for in English. */
	setenv("LC_ALL", "C", 1);
	unsetenv("LANGUAGE");
	execvp(argv[0], argv);
	fail(-errno, "program '%s': cannot be started", argv[0]);
	_exit(127);
}

/* A file system of its own, mounted nowhere: to stand in it is enough. */
static int fresh_directory(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), mount = -1, err = 0;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		err = -errno;
	if (!err)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (!err && (mount < 0 || fchdir(mount) || chmod(".", 01777)))
		err = -errno;
	if (fs >= 0)
		close(fs);
	if (mount >= 0)
		close(mount);
	return err;
}

/* To the first process of a namespace, -1 means all others in it. They are waited for: a busy machine takes its time. */
static int end_all(void)
{
	for (int i = 0; i < 200; i++) {
		if (kill(-1, SIGKILL))
			return errno == ESRCH ? 0 : -errno;
		usleep(5000);
	}
	return 0;
}

static _Noreturn void serve(int requests, int replies)
{
	struct request r;

	prctl(PR_SET_NAME, "socktale stage");
	signal(SIGINT, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* nobody has to be waited for */
	while (read(requests, &r, sizeof(r)) == sizeof(r)) {
		pid_t pid;

		if (r.ask == ASK_directory) {
			answer(replies, fresh_directory());
			continue;
		}
		if (r.ask == ASK_end) {
			answer(replies, end_all());
			continue;
		}
		pid = fork();
		if (!pid)
			become(&r, replies);
		if (pid < 0)
			answer(replies, -errno);
	}
	_exit(0);
}

/* ---- this side ---- */

int stage_open(struct stage *s)
{
	int requests[2], replies[2];

	if (pipe2(requests, O_CLOEXEC))
		return fail(-errno, "stage: no pipe");
	if (pipe2(replies, O_CLOEXEC)) {
		close(requests[0]);
		close(requests[1]);
		return fail(-errno, "stage: no pipe");
	}
	/* Not unshare(), which would send every later child of this process there too. */
	s->pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (!s->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(requests[1]);
		close(replies[0]);
		serve(requests[0], replies[1]);
	}
	close(requests[0]);
	close(replies[1]);
	s->requests = requests[1];
	s->replies = replies[0];
	if (s->pid < 0) {
		int err = -errno;

		close(s->requests);
		close(s->replies);
		fail(err, "stage: cannot be started%s", err == -EPERM ? _(" without CAP_SYS_ADMIN") : "");
		if (err == -EPERM)
			hint("a lesson has process and network namespaces of its own: run it as root; `make demo VM=1` plays it in a virtual machine");
		return err;
	}
	return 0;
}

void stage_close(struct stage *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(s->requests);
	close(s->replies);
	s->pid = 0;
}

static pid_t ask(struct stage *s, const struct request *r)
{
	struct reply reply;
	ssize_t got;

	if (write(s->requests, r, sizeof(*r)) != sizeof(*r))
		return -errno;
	do
		got = read(s->replies, &reply, sizeof(reply));
	while (got < 0 && errno == EINTR);
	return got == sizeof(reply) ? reply.pid : -EPIPE;
}

static int ask_simply(struct stage *s, enum ask what)
{
	struct request *r = memory_create(1, sizeof(*r));
	int err;

	r->ask = what;
	err = ask(s, r);
	free(r);
	return err;
}

int stage_fresh_directory(struct stage *s)
{
	int err = ask_simply(s, ASK_directory);

	return err ? fail(err, "stage: no private directory") : 0;
}

void stage_clear(struct stage *s)
{
	ask_simply(s, ASK_end);
}

static int put_arguments(struct request *r, char *const argv[])
{
	size_t used = 0;

	for (; argv[r->argc]; r->argc++) {
		size_t length = strlen(argv[r->argc]) + 1;

		if (r->argc == ARGUMENTS || used + length > sizeof(r->arguments))
			return -E2BIG;
		memcpy(r->arguments + used, argv[r->argc], length);
		used += length;
	}
	return 0;
}

pid_t stage_start(struct stage *s, char *const argv[], int netns, uid_t uid, int *ret_terminal)
{
	struct request *r = memory_create(1, sizeof(*r));
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	pid_t pid;

	r->ask = ASK_start;
	r->uid = uid;
	snprintf(r->netns, sizeof(r->netns), "/proc/%d/fd/%d", getpid(), netns);
	pid = put_arguments(r, argv);
	if (!pid && (terminal < 0 || grantpt(terminal) || unlockpt(terminal) ||
		     ptsname_r(terminal, r->terminal, sizeof(r->terminal))))
		pid = -errno;
	if (!pid)
		pid = ask(s, r);
	free(r);
	if (pid < 0) {
		if (terminal >= 0)
			close(terminal);
		return fail(pid, "program '%s': cannot be started", argv[0]);
	}
	*ret_terminal = terminal;
	return pid;
}
