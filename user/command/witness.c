/* SPDX-License-Identifier: BSD-2-Clause */
/* What a must-see rests on, kept in a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "command/play_screen.h"
#include "command/witness.h"
#include "event/line.h"
#include "lesson/script.h"

/* A log line with the time the scene shows. */
static void put_event(struct text *to, const struct event *e, const struct screen *screen)
{
	struct text line = TEXT_EMPTY;

	line_write(&line, e);
	screen_time(to, screen, e->time_ns);
	text_put(to, strchr(text_string(&line), ' '));
	text_char(to, '\n');
	text_finish(&line);
}

int witness_keep(const struct evidence *e, const char *outcome, struct script *script, const struct screen *screen)
{
	const char *path = getenv("SOCKTALE_EVIDENCE");
	FILE *file = path && *path ? fopen(path, "ae") : NULL;
	const union event_any **series;
	struct text lines = TEXT_EMPTY;
	size_t count = 0;
	int err = 0;

	if (!path || !*path)
		return 0;
	if (!file)
		return fail(-errno, "output '%s': cannot be written", path);
	series = memory_create(e->condition.count, sizeof(*series));
	if (!e->never)
		count = condition_series(&e->condition, &script->history, script_is, script, series);
	text_printf(&lines, "# %s C%u %s %s %s\n", script->scene->name, e->claim, outcome, e->never ? "never" : "see",
		    e->condition.source);
	for (size_t i = 0; i < count; i++)
		put_event(&lines, &series[i]->head, screen);
	if (fputs(text_string(&lines), file) < 0 || fflush(file))
		err = fail(-errno, "output '%s': cannot be written", path);
	fclose(file);
	free(series);
	text_finish(&lines);
	return err;
}
