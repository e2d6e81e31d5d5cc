/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event <-> one line of the log: what `socktale trace --format log` writes and `socktale tell` reads.
 * Does not know files, comments or the sections of a tale.
 *
 *   SECONDS.NANOS comm/pid EVENT sock=N local=ADDRESS remote=ADDRESS FIELD=VALUE ... fd=N tid=N uid=N netns=N ...
 *
 * Everything of the head can be read back; what has its usual value is not written:
 *   sock 0; fd -1; tid as pid; uid 0; netns 0; no remote address; plane none; local all zero outside inet and inet6;
 *   family: said by the form of local (10.0.0.1:80 is inet, [::1]:80 is inet6), else written;
 *   protocol: tcp for events called tcp_*, udp for udp_*, else 0;
 *   attribution: exact when there is a pid, else unknown.
 * A value that holds a space or a quote, or is empty, stands in double quotes; "-" stands for no comm.
 * In tales written by hand, a socket may be a short word (sock=c): see line.c.
 */
#ifndef SOCKTALE_EVENT_LINE_H
#define SOCKTALE_EVENT_LINE_H

#include <stddef.h>

#include "event/schema.h"

struct text;

/* What is wrong with a line, and where. */
struct line_problem {
	const char *what; /* half a sentence */
	size_t column;	  /* counted from 0, in bytes */
};

/*
 * Append the line of `e`, without a newline. An unknown event or a short record becomes a line that says so.
 * `e` must be readable up to its schema's size (event_take() sees to that).
 */
void line_write(struct text *to, const struct event *e);

/*
 * Read a line (`length` bytes, without a newline) into `ret`. Returns 0, or -EINVAL and, where `ret_problem` is not
 * NULL, what is wrong.
 */
int line_read(union event_any *ret, const char *line, size_t length, struct line_problem *ret_problem);

#endif
