/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/output.h"

#include <errno.h>

static int stream_error(void)
{
	return errno ? -errno : -EIO;
}

int output_text(FILE *out, struct text *t)
{
	size_t length = t->length;
	size_t written;

	errno = 0;
	written = fwrite(text_string(t), 1, length, out);
	text_clear(t);
	return written == length ? 0 : stream_error();
}

int output_flush(FILE *out)
{
	errno = 0;
	return fflush(out) == 0 ? 0 : stream_error();
}

void output_time(struct text *to, uint64_t begin_ns, uint64_t time_ns)
{
	uint64_t span = time_ns >= begin_ns ? time_ns - begin_ns : begin_ns - time_ns;

	text_printf(to, "%c%llu.%06llu", time_ns >= begin_ns ? '+' : '-', (unsigned long long)(span / 1000000000ull),
		    (unsigned long long)(span % 1000000000ull / 1000));
}
