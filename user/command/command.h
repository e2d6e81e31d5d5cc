/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command is, and the codes a command ends with.
 * Does not know which commands there are: that is the table in main.c.
 */
#ifndef SOCKTALE_COMMAND_COMMAND_H
#define SOCKTALE_COMMAND_COMMAND_H

#include "base/error.h"

struct command {
	const char *name;
	const char *summary; /* one line for `socktale --help` */
	/*
	 * Runs the command; argv[0] is "socktale NAME" (for argp and for messages), argv[1] the first argument of its own.
	 * Returns the exit status: an enum exit_code, or what a traced command returned.
	 */
	int (*run)(int argc, char **argv);
};

/* One per file of command/, each a row of the table in main.c. */
int command_trace(int argc, char **argv);
int command_play(int argc, char **argv);
int command_tell(int argc, char **argv);
int command_list(int argc, char **argv);
int command_why(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_events(int argc, char **argv);

#endif
