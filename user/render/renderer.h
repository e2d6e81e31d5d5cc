/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a tale is shown: the interface of a renderer and the table of all of them.
 * Knows moments and notes; does not know where events come from, nor which command asked.
 */
#ifndef SOCKTALE_RENDER_RENDERER_H
#define SOCKTALE_RENDER_RENDERER_H

#include <stdbool.h>
#include <stdio.h>

#include "explain/explain.h"

struct answer;

struct renderer_options {
	FILE *out;      /* where the tale goes; stays the caller's */
	bool color;     /* whether colours may be used; never the only carrier of a meaning */
	bool ascii;     /* whether only ASCII may be printed */
	unsigned width; /* columns of a line; 0: do not fold */
	/* Where lanes are drawn: whether an end stands right whose role nobody knows yet; NULL: it stands left. `context` is its caller's. */
	bool (*right)(const struct event *e, void *context);
	void *context;
	const struct answer *answer; /* for `why` alone (answer.h), NULL: a recording; read when an event comes and at the end */
};

/*
 * One way to show a tale. `begin` returns the renderer's own memory, which `end` frees. `event` is called once per event in
 * time order, with the notes that belong to it. `flush` writes what was kept back (NULL: nothing ever is).
 * `event`, `flush` and `end` return 0 or a negative errno, of which -EPIPE means that the reader has gone.
 */
struct renderer {
	const char *name;
	const char *meaning; /* one line for --help, not translated */
	void *(*begin)(const struct renderer_options *options);
	int (*event)(void *state, const struct moment *m, const struct note_list *notes);
	int (*flush)(void *state);
	int (*end)(void *state);
};

/* The renderer called `name`, or NULL. */
const struct renderer *renderer_find(const char *name);

/* All renderers, ended by one without a name. */
const struct renderer *renderer_table(void);

/*
 * Options for `out` as it is: colours on a terminal unless NO_COLOR is set, ASCII where the locale is not UTF-8, width from
 * COLUMNS, else the terminal, else 80. setlocale() must have been called.
 */
struct renderer_options renderer_options_for(FILE *out);

#endif
