/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bar: how much of something is full, drawn in characters. Two characters tell full from empty, never a colour.
 * Does not know what is measured.
 */
#ifndef SOCKTALE_RENDER_BAR_H
#define SOCKTALE_RENDER_BAR_H

#include <stdbool.h>
#include <stdint.h>

struct text;

/*
 * Append `[####......]`, `columns` wide in all (at least 3). Anything above 0 shows at least one full character and anything below
 * `limit` at least one empty one; above `limit` is drawn as full. `limit` 0: nothing is full.
 */
void bar_put(struct text *to, uint64_t value, uint64_t limit, unsigned columns, bool ascii);

/* Append a size in three figures: `0 B`, `999 B`, `102 kB`, `1.05 MB`. */
void bar_size(struct text *to, uint64_t bytes);

#endif
