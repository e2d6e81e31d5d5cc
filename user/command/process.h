/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that a command line names by number: whether the number means anything, and the same here as in the kernel.
 * Does not know what is asked about them.
 */
#ifndef SOCKTALE_COMMAND_PROCESS_H
#define SOCKTALE_COMMAND_PROCESS_H

#include <stdint.h>

/*
 * End the program with EXIT_CODE_usage when there is no process `pid`, or it is but a thread of one; with EXIT_CODE_lacking
 * when the number is not the kernel's. Without /proc nobody can say, and it is taken.
 */
void process_require(unsigned pid);

/*
 * Whether `what`, as a noun with a name in quotes, can work here: not where processes have other numbers than in the kernel, in
 * a pid namespace of their own. Returns 0, or -ENOTSUP, told.
 */
int process_numbers_serve(const char *noun, const char *name);

/* A descriptor of the network namespace with that inode number, of which any process in it has one to give; -1: nobody has. */
int process_netns(uint32_t inode);

/* Say, where it is so, that the numbers told are not those of this pid namespace. */
void process_numbers_tell(void);

#endif
