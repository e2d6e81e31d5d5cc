/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event as half a line a person reads: phrase.def as a table.
 * Does not explain anything, and does not know columns or colours.
 */
#ifndef SOCKTALE_RENDER_PHRASE_H
#define SOCKTALE_RENDER_PHRASE_H

#include "explain/say.h"

/* Append what the event says. An event without a row is told by its name and fields. */
void phrase_write(struct text *to, const struct moment *m);

/* Whether the event tells of something that went wrong, for colouring. */
bool phrase_is_trouble(const struct event *e);

#endif
