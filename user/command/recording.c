/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "event/line.h"

struct recording {
	char *path;
	FILE *file;
	char *line;
	size_t room;
	size_t number; /* of the line */
	bool passing;  /* inside a section of a tale that holds no events */
};

int recording_open(const char *path, struct recording **ret_recording)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "re");
	struct recording *r;

	if (!file)
		return fail(-errno, "recording '%s': cannot open", path);
	r = memory_create(1, sizeof(*r));
	r->path = memory_string(standard ? "standard input" : path);
	r->file = file;
	*ret_recording = r;
	return 0;
}

/* Whether the line holds no event. */
static bool passed_over(struct recording *r, const char *line)
{
	static const char section[] = "--- ";

	if (strncmp(line, section, strlen(section)) == 0) {
		r->passing = strcmp(line + strlen(section), "events") != 0;
		return true;
	}
	line += strspn(line, " \t");
	return r->passing || *line == '\0' || *line == '#';
}

int recording_next(struct recording *r, union event_any *ret)
{
	struct line_problem problem;
	ssize_t length;

	errno = 0;
	while ((length = getline(&r->line, &r->room, r->file)) >= 0) {
		r->number++;
		if (length && r->line[length - 1] == '\n')
			r->line[--length] = '\0';
		if (passed_over(r, r->line))
			continue;
		if (line_read(ret, r->line, length, &problem) == 0)
			return 1;
		fail(0, "%s:%zu:%zu: %s", r->path, r->number, problem.column + 1, problem.what);
		return -EINVAL;
	}
	if (ferror(r->file))
		return fail(-errno, "recording '%s': cannot read", r->path);
	return 0;
}

void recording_close(struct recording *r)
{
	if (!r)
		return;
	if (r->file != stdin)
		fclose(r->file);
	free(r->line);
	free(r->path);
	free(r);
}
