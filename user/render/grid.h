/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of words for a screen: columns as wide as what is in them, shrunk together where the screen is narrow.
 * Does not know what stands in it. (libsmartcols does this too, but Debian has no static archive of it.)
 */
#ifndef SOCKTALE_RENDER_GRID_H
#define SOCKTALE_RENDER_GRID_H

#include <stdbool.h>
#include <stddef.h>

struct text;

struct grid_column {
	const char *title;
	bool right;   /* numbers: aligned to the right */
	bool shrinks; /* may be cut when the screen is too narrow */
};

struct grid;

/* A table of `count` columns, which must outlive it. Ended by grid_destroy(), which accepts NULL. */
struct grid *grid_create(const struct grid_column *columns, size_t count);
void grid_destroy(struct grid *g);

/* Begin a row; then put its words from left to right. Strings are copied, and "" stands for nothing. */
void grid_row(struct grid *g);
void grid_put(struct grid *g, const char *word);

/* A line of its own below the row just begun, indented and folded. */
void grid_note(struct grid *g, const char *line);

/* Append the table, at most `width` columns wide; 0: as wide as it gets. */
void grid_write(const struct grid *g, struct text *to, unsigned width);

#endif
