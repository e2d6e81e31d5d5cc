/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/language.h"
#include "command/arguments.h"
#include "probe/kernel.h"

/* The process a thread belongs to, 0: it cannot be read. */
static unsigned process_of(unsigned tid)
{
	char path[64], line[256];
	unsigned pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %u", &pid) == 1)
			break;
	if (f)
		fclose(f);
	return pid;
}

void process_require(unsigned pid)
{
	char name[16];
	unsigned process;

	snprintf(name, sizeof(name), "%u", pid);
	if (process_numbers_serve(N_("process"), name))
		exit(EXIT_CODE_lacking);
	if (access("/proc/self", F_OK))
		return;
	process = process_of(pid);
	if (!process)
		arguments_refuse(N_("process"), name, N_("does not exist"));
	if (process == pid)
		return;
	fail(0, "process '%u': is a thread of process %u", pid, process);
	hint("sockets are owned by processes: give %u", process);
	exit(EXIT_CODE_usage);
}

int process_numbers_serve(const char *noun, const char *name)
{
	if (kernel_numbers_are_ours())
		return 0;
	fail(0, "%s '%s': process numbers here are those of a pid namespace, and the kernel tells the host's", _(noun), name);
	hint("start socktale in the host's pid namespace: docker run --pid=host, or nsenter -t 1 -p");
	return -ENOTSUP;
}

int process_netns(uint32_t inode)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[300];
	struct stat s;
	int fd = -1;

	while (proc && fd < 0 && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/ns/net", entry->d_name);
		if (!stat(path, &s) && s.st_ino == inode)
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (proc)
		closedir(proc);
	return fd;
}

void process_numbers_tell(void)
{
	if (!kernel_numbers_are_ours())
		tell("process numbers told are those of the host, not of this pid namespace");
}
