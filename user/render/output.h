/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What renderers share when they write: the time of the story, and errors of the stream as errno.
 * Does not know what is written.
 */
#ifndef SOCKTALE_RENDER_OUTPUT_H
#define SOCKTALE_RENDER_OUTPUT_H

#include <stdio.h>

#include "base/text.h"

/* Write the text and forget it. Returns 0 or a negative errno. */
int output_text(FILE *out, struct text *t);

/* Flush the stream: what has been told can be seen. */
int output_flush(FILE *out);

/* Append `+12.345678`: seconds since `begin_ns`, with microseconds. Times before the beginning are negative. */
void output_time(struct text *to, uint64_t begin_ns, uint64_t time_ns);

#endif
