/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file a command writes: opened early, so that one that cannot be written is refused at once, and emptied only when there
 * is something to write. Does not know what is written.
 */
#ifndef SOCKTALE_COMMAND_OUTFILE_H
#define SOCKTALE_COMMAND_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

struct outfile {
	const char *path; /* NULL or "-": the standard output */
	FILE *stream;
	bool made;  /* there was no such file before */
	bool begun; /* what stood in it is gone */
};

/* Open `path`, which stays the caller's, and leave what is in it. Returns 0 or a negative errno, told. */
int outfile_open(struct outfile *o, const char *path);

/* Empty it: now there is something to write. Returns 0 or a negative errno, told. */
int outfile_begin(struct outfile *o);

/*
 * Close it: 0 or a negative errno, told unless `err` says that the command failed before. Where nothing was begun, a file that
 * was there is as it was, and one that was not is not. One that was never opened is allowed.
 */
int outfile_close(struct outfile *o, int err);

/* Its name for a message. */
const char *outfile_name(const struct outfile *o);

#endif
