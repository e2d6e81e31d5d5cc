/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/grid.h"

#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"
#include "render/column.h"

#define GAP 2	     /* columns between two, 1 where the screen is narrow */
#define NARROWEST 12 /* a column is not shrunk below this */

struct grid {
	const struct grid_column *columns;
	size_t column_count;
	char **words; /* row by row; NULL for a row's missing words */
	char **notes; /* of each row: lines, each ended by a newline; or NULL */
	size_t rows, room, next;
};

struct grid *grid_create(const struct grid_column *columns, size_t count)
{
	struct grid *g = memory_create(1, sizeof(*g));

	g->columns = columns;
	g->column_count = count;
	return g;
}

void grid_destroy(struct grid *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->rows * g->column_count; i++)
		free(g->words[i]);
	for (size_t i = 0; i < g->rows; i++)
		free(g->notes[i]);
	free(g->words);
	free(g->notes);
	free(g);
}

void grid_row(struct grid *g)
{
	if (g->rows == g->room) {
		g->room = g->room ? 2 * g->room : 64;
		g->words = memory_resize(g->words, g->room * g->column_count, sizeof(*g->words));
		g->notes = memory_resize(g->notes, g->room, sizeof(*g->notes));
	}
	for (size_t i = 0; i < g->column_count; i++)
		g->words[g->rows * g->column_count + i] = NULL;
	g->notes[g->rows++] = NULL;
	g->next = 0;
}

void grid_put(struct grid *g, const char *word)
{
	if (g->rows && g->next < g->column_count)
		g->words[(g->rows - 1) * g->column_count + g->next++] = memory_string(word);
}

void grid_note(struct grid *g, const char *line)
{
	struct text all = TEXT_EMPTY;
	char **note = &g->notes[g->rows - 1];

	text_printf(&all, "%s%s\n", *note ? *note : "", line);
	free(*note);
	*note = text_steal(&all);
}

static const char *word_at(const struct grid *g, size_t row, size_t column)
{
	const char *word = g->words[row * g->column_count + column];

	return word ? word : "";
}

/* Returns the gap between two columns. */
static unsigned shrink(const struct grid *g, unsigned *widths, unsigned width)
{
	unsigned total = 0;

	for (size_t i = 0; i < g->column_count; i++)
		total += widths[i] + (i ? GAP : 0);
	if (!width || total <= width)
		return GAP;
	total -= (g->column_count - 1) * (GAP - 1);
	while (total > width) {
		unsigned *widest = NULL;

		for (size_t i = 0; i < g->column_count; i++)
			if (g->columns[i].shrinks && widths[i] > NARROWEST && (!widest || widths[i] > *widest))
				widest = &widths[i];
		if (!widest)
			break;
		--*widest;
		total--;
	}
	return 1;
}

/* No spaces at the end of a line. */
static void end_line(struct text *to)
{
	while (to->length && to->bytes[to->length - 1] == ' ')
		text_cut(to, to->length - 1);
	text_char(to, '\n');
}

static void put_cell(const struct grid *g, struct text *to, const char *word, size_t column, unsigned width,
		     unsigned gap)
{
	unsigned here = column_count(word);

	if (column)
		column_repeat(to, " ", gap);
	if (g->columns[column].right && here < width)
		column_repeat(to, " ", width - here);
	if (here > width || !g->columns[column].right)
		column_fit(to, word, width);
	else
		text_put(to, word);
}

static void put_notes(struct text *to, const char *notes, unsigned width)
{
	while (notes && *notes) {
		size_t length = strcspn(notes, "\n");
		struct text line = TEXT_EMPTY;

		text_append(&line, notes, length);
		column_fold(to, text_string(&line), "    ", "      ", width > 26 ? width - 6 : 0);
		text_finish(&line);
		notes += length + 1;
	}
}

void grid_write(const struct grid *g, struct text *to, unsigned width)
{
	unsigned *widths = memory_create(g->column_count, sizeof(*widths)), gap;

	for (size_t c = 0; c < g->column_count; c++) {
		widths[c] = column_count(_(g->columns[c].title));
		for (size_t r = 0; r < g->rows; r++) {
			unsigned here = column_count(word_at(g, r, c));

			if (here > widths[c])
				widths[c] = here;
		}
	}
	gap = shrink(g, widths, width);
	for (size_t c = 0; c < g->column_count; c++)
		put_cell(g, to, _(g->columns[c].title), c, widths[c], gap);
	end_line(to);
	for (size_t r = 0; r < g->rows; r++) {
		for (size_t c = 0; c < g->column_count; c++)
			put_cell(g, to, word_at(g, r, c), c, widths[c], gap);
		end_line(to);
		put_notes(to, g->notes[r], width);
	}
	free(widths);
}
