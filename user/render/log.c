/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: one line per event, which `socktale tell` reads back. Explanations are found again when it is told. */
#include "base/memory.h"
#include "event/line.h"
#include "render/output.h"
#include "render/table.h"

#include <stdlib.h>

struct log {
	FILE *out;
	struct text text;
};

static void *log_begin(const struct renderer_options *options)
{
	struct log *log = memory_create(1, sizeof(*log));

	log->out = options->out;
	return log;
}

static int log_event(void *state, const struct moment *m, const struct note_list *notes)
{
	struct log *log = state;

	(void)notes;
	line_write(&log->text, m->event);
	text_char(&log->text, '\n');
	return output_text(log->out, &log->text);
}

static int log_flush(void *state)
{
	return output_flush(((struct log *)state)->out);
}

static int log_end(void *state)
{
	struct log *log = state;
	int err = output_flush(log->out);

	text_finish(&log->text);
	free(log);
	return err;
}

const struct renderer renderer_log = {
	.name = "log",
	.meaning = "one line per event, read back by `socktale tell`",
	.begin = log_begin,
	.event = log_event,
	.flush = log_flush,
	.end = log_end,
};
