/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/renderer.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "render/table.h"

const struct renderer *renderer_table(void)
{
	static const struct renderer *const rows[] = {
		&renderer_text, &renderer_ladder, &renderer_json, &renderer_log, &renderer_why,
	};
	static struct renderer table[sizeof(rows) / sizeof(*rows) + 1];

	if (!table[0].name)
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			table[i] = *rows[i];
	return table;
}

const struct renderer *renderer_find(const char *name)
{
	for (const struct renderer *r = renderer_table(); r->name; r++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

static unsigned width_for(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	char *end;
	unsigned long given;

	if (columns && *columns) {
		given = strtoul(columns, &end, 10);
		if (!*end && given >= 20 && given <= 10000)
			return given;
	}
	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		return size.ws_col;
	return 80;
}

struct renderer_options renderer_options_for(FILE *out)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return (struct renderer_options){
		.out = out,
		.color = isatty(fileno(out)) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0),
		.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0,
		.width = width_for(out),
	};
}
