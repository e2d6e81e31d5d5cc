/* SPDX-License-Identifier: BSD-2-Clause */
/* A ladder drawn in characters: time, left side, lane, arrows, lane, right side. */
#include <stdlib.h>

#include "base/language.h"
#include "base/memory.h"
#include "render/column.h"
#include "render/ladder.h"
#include "render/output.h"
#include "render/table.h"

struct glyphs {
	const char *lane, *line, *head_right, *head_left, *lost, *bar;
};

struct drawing {
	struct renderer_options options;
	const struct glyphs *glyphs;
	struct ladder ladder;
	uint64_t begin_ns;
	bool begun;
	unsigned side; /* columns of each side */
	unsigned gap;  /* columns between the lanes */
	struct text page, piece;
};

static void *drawing_begin(const struct renderer_options *options)
{
	static const struct glyphs ascii = { "|", "-", ">", "<", "x", "|" }, utf8 = { "│", "─", "►", "◄", "✕", "│" };
	struct drawing *d = memory_create(1, sizeof(*d));
	struct ladder_shape shape = ladder_shape(options->width);

	d->options = *options;
	d->glyphs = options->ascii ? &ascii : &utf8;
	d->ladder.right = options->right;
	d->ladder.context = options->context;
	d->side = shape.side;
	d->gap = shape.gap;
	return d;
}

static void paint(struct drawing *d, const char *code)
{
	if (d->options.color)
		text_put(&d->page, code);
}

/* `row` NULL: a line without a time. */
static void put_time(struct drawing *d, const struct ladder_row *row)
{
	text_clear(&d->piece);
	if (row && row->timed)
		output_time(&d->piece, d->begin_ns, row->time_ns);
	paint(d, "\033[2m");
	ladder_time(&d->page, text_string(&d->piece));
	paint(d, "\033[0m");
}

static void put_right_aligned(struct text *to, const char *string, unsigned columns)
{
	unsigned have = column_count(string);

	if (have < columns)
		column_repeat(to, " ", columns - have);
	column_fit(to, string, have < columns ? have : columns);
}

static void put_lanes(struct drawing *d, const char *left, const char *between, const char *right, bool trouble)
{
	if (trouble)
		paint(d, "\033[31m");
	put_right_aligned(&d->page, left, d->side - 1);
	text_char(&d->page, ' ');
	if (trouble)
		paint(d, "\033[0m");
	text_put(&d->page, d->glyphs->lane);
	if (trouble)
		paint(d, "\033[31m");
	column_fit(&d->page, between, d->gap);
	if (trouble)
		paint(d, "\033[0m");
	text_put(&d->page, d->glyphs->lane);
	if (*right) {
		paint(d, trouble ? "\033[31m" : "");
		text_printf(&d->page, " %s", right);
		paint(d, trouble ? "\033[0m" : "");
	}
	text_char(&d->page, '\n');
}

/* Say it behind the label if there is room left. */
static bool label_add(struct text *label, const struct text *more, unsigned room)
{
	if (column_count(text_string(label)) + column_count(text_string(more)) + 1 > room)
		return false;
	if (more->length)
		text_printf(label, "%s ", more->bytes);
	return true;
}

/* ──── SYN seq 7 ───► */
static void put_arrow(struct drawing *d, const struct ladder_row *row)
{
	struct text label = TEXT_EMPTY;
	unsigned room = d->gap - 1;
	const char *beside = "";

	text_clear(&d->piece);
	if (row->side == LADDER_right)
		text_put(&d->piece, row->kind == LADDER_stub ? d->glyphs->lost : d->glyphs->head_left);
	text_printf(&label, " %s ", text_string(&row->label));
	if (!label_add(&label, &row->length, room))
		beside = text_string(&row->length);
	else if (column_count(text_string(&label)) + 2 <= room)
		label_add(&label, &row->detail, room - 2);
	column_center(&d->piece, text_string(&label), room, d->glyphs->line);
	if (row->side == LADDER_left)
		text_put(&d->piece, row->kind == LADDER_stub ? d->glyphs->lost : d->glyphs->head_right);
	text_finish(&label);
	put_lanes(d, row->side == LADDER_left ? beside : "", text_string(&d->piece), row->side == LADDER_right ? beside : "",
		  row->trouble);
}

/* A label longer than its side goes on below; the lanes go on beside it. */
static void put_call(struct drawing *d, const struct ladder_row *row)
{
	struct text folded = TEXT_EMPTY;
	char *line, *end;
	bool first = true;

	column_fold_even(&folded, text_string(&row->label), "", "", d->side - 1);
	for (line = folded.bytes; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		if (!first)
			put_time(d, NULL);
		first = false;
		put_lanes(d, row->side == LADDER_left ? line : "", "", row->side == LADDER_right ? line : "",
			  row->trouble);
	}
	text_finish(&folded);
}

static void put_name(struct drawing *d, const char *name)
{
	unsigned half = d->side + d->gap / 2;

	if (column_count(name) > half)
		column_fit_process(&d->page, name, half, d->options.ascii ? ".." : "…");
	else
		column_center(&d->page, name, half, " ");
}

/* One line of names above the lanes. */
static void put_names(struct drawing *d, const char *left, const char *right)
{
	column_repeat(&d->page, " ", LADDER_TIME);
	put_name(d, left);
	text_put(&d->page, "  ");
	put_name(d, right);
	while (d->page.length && d->page.bytes[d->page.length - 1] == ' ')
		text_cut(&d->page, d->page.length - 1);
	text_char(&d->page, '\n');
}

/* The process above its address where one line is too short for both: cut what stands behind the space off, or nothing. */
static char *cut_address(struct text *name)
{
	char *space = strrchr(text_string(name), ' ');

	if (!space)
		return "";
	*space = '\0';
	return space + 1;
}

static void put_heading(struct drawing *d, struct ladder_row *row)
{
	unsigned half = d->side + d->gap / 2;
	char *left = "", *right = "";

	if (column_count(text_string(&row->left)) > half || column_count(text_string(&row->right)) > half) {
		left = cut_address(&row->left);
		right = cut_address(&row->right);
	}
	text_char(&d->page, '\n');
	paint(d, "\033[1m");
	put_names(d, text_string(&row->left), text_string(&row->right));
	if (*left || *right)
		put_names(d, left, right);
	paint(d, "\033[0m");
}

static void put_note(struct drawing *d, const struct ladder_row *row)
{
	struct text prefix = TEXT_EMPTY;
	unsigned width = d->options.width > LADDER_TIME + 22 ? d->options.width - LADDER_TIME - 4 : 0;

	column_repeat(&prefix, " ", LADDER_TIME);
	text_printf(&prefix, "%s ", d->glyphs->bar);
	text_clear(&d->piece);
	text_put(&d->piece, text_string(&row->label));
	if (strcmp(row->reference, "-") != 0)
		text_printf(&d->piece, " [%s]", row->reference);
	paint(d, "\033[32m");
	column_fold(&d->page, text_string(&d->piece), text_string(&prefix), text_string(&prefix), width);
	paint(d, "\033[0m");
	text_finish(&prefix);
}

static void put_row(struct drawing *d, struct ladder_row *row)
{
	switch (row->kind) {
	case LADDER_heading:
		put_heading(d, row);
		break;
	case LADDER_arrow:
	case LADDER_stub:
		put_time(d, row);
		put_arrow(d, row);
		break;
	case LADDER_call:
		put_time(d, row);
		put_call(d, row);
		break;
	case LADDER_aside:
		put_time(d, row);
		text_put(&d->page, text_string(&row->label));
		text_char(&d->page, '\n');
		break;
	case LADDER_note:
		put_note(d, row);
		break;
	}
}

static int drawing_event(void *state, const struct moment *m, const struct note_list *notes)
{
	struct drawing *d = state;

	if (!d->begun) {
		d->begin_ns = m->event->time_ns;
		d->begun = true;
	}
	ladder_moment(&d->ladder, m, notes);
	for (size_t i = 0; i < d->ladder.count; i++)
		put_row(d, &d->ladder.rows[i]);
	if (d->options.ascii) {
		text_clear(&d->piece);
		column_ascii(&d->piece, text_string(&d->page));
		text_clear(&d->page);
		return output_text(d->options.out, &d->piece);
	}
	return output_text(d->options.out, &d->page);
}

static int drawing_flush(void *state)
{
	return output_flush(((struct drawing *)state)->options.out);
}

static int drawing_end(void *state)
{
	struct drawing *d = state;
	int err = output_flush(d->options.out);

	ladder_finish(&d->ladder);
	text_finish(&d->page);
	text_finish(&d->piece);
	free(d);
	return err;
}

const struct renderer renderer_ladder = {
	.name = "ladder",
	.meaning = "two lanes with the segments between them as arrows",
	.begin = drawing_begin,
	.event = drawing_event,
	.flush = drawing_flush,
	.end = drawing_end,
};
