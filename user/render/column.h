/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much room text takes on a screen: columns, padding, folding of lines. Text is UTF-8; wide characters take two columns.
 * Does not know terminals nor colours.
 */
#ifndef SOCKTALE_RENDER_COLUMN_H
#define SOCKTALE_RENDER_COLUMN_H

#include <stdbool.h>
#include <stddef.h>

struct text;

/* Columns of a string. */
unsigned column_count(const char *string);

/* Append `string` cut to `columns` (the cut is shown by "~") or filled with spaces up to them. */
void column_fit(struct text *to, const char *string, unsigned columns);

/*
 * The same for `name[pid]` and what follows it: the name is cut (shown by `mark`), never the pid; a string without a bracket, or with
 * no room for what stands from it on, is cut at its end.
 */
void column_fit_process(struct text *to, const char *string, unsigned columns, const char *mark);

/* The same, filled on both sides with `fill`, so that the string stands in the middle. */
void column_center(struct text *to, const char *string, unsigned columns, const char *fill);

/* Append `character` (of one column) so many times. */
void column_repeat(struct text *to, const char *character, unsigned times);

/*
 * Append `string` folded into lines of at most `columns`, the first begun by `prefix` and the others by `again` (whose columns do not
 * count), each ended by a newline. Breaks at spaces and after wide characters, and in a word only if it is longer than a line.
 * 0 columns: one line.
 */
void column_fold(struct text *to, const char *string, const char *prefix, const char *again, unsigned columns);

/*
 * The same in as many lines, but none longer than it must be: a figure stays with its unit, and what belongs together with it.
 */
void column_fold_even(struct text *to, const char *string, const char *prefix, const char *again, unsigned columns);

/* Append `string` with every character beyond ASCII as \xNN. */
void column_ascii(struct text *to, const char *string);

#endif
