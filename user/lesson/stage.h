/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a lesson's programs run: one process, in a process namespace of its own, that starts them all. It is the root of the tree the
 * probe looks at, and with its end the kernel ends every one of them: also when socktale itself is killed.
 * Does not know what the programs are for.
 */
#ifndef SOCKTALE_LESSON_STAGE_H
#define SOCKTALE_LESSON_STAGE_H

#include <sys/types.h>

struct stage {
	pid_t pid; /* root of the tree */
	int requests, replies;
};

/* Start it. Returns 0 or a negative errno, after telling why. */
int stage_open(struct stage *s);
void stage_close(struct stage *s);

/* Give the programs started from now on an empty private directory to stand in; it vanishes with the last of them. */
int stage_fresh_directory(struct stage *s);

/* End all programs, with all their children. */
void stage_clear(struct stage *s);

/*
 * Start a program on a terminal of its own, in the network namespace that descriptor `netns` of this process holds; `uid` is its user.
 * Returns its process id and the terminal's other side in *ret_terminal (non-blocking, the caller closes it), or a negative errno,
 * after telling why. What is typed there is not echoed.
 */
pid_t stage_start(struct stage *s, char *const argv[], int netns, uid_t uid, int *ret_terminal);

#endif
