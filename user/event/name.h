/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constants with name and meaning: name.def as tables, for values of the kinds whose form is NAMED, FLAGS or BOOL.
 * Does not know how a value is laid out in an event or in text.
 */
#ifndef SOCKTALE_EVENT_NAME_H
#define SOCKTALE_EVENT_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "event/kind.h"

struct name_row {
	int64_t value;
	const char *name;    /* the kernel's spelling, or socktale's own word */
	const char *word;    /* the word of the RFC or of the reader ("SYN-SENT"); the name itself where there is none */
	const char *meaning; /* half a sentence */
};

/* The row of that value, or NULL. For kinds of form FLAGS a value is one bit. */
const struct name_row *name_find(enum kind kind, int64_t value);

/* Look a name up: returns 0 and the value in `ret`, or -ENOENT. */
int name_value(enum kind kind, const char *name, int64_t *ret);

/* All rows of a kind in rising order of value (of bits, for flags); NULL and 0 when it has none. */
const struct name_row *name_rows(enum kind kind, size_t *ret_count);

/* For sentences: the name, word or meaning of a value; "?" where there is no row. Never NULL. */
const char *name_of(enum kind kind, int64_t value);
const char *name_word(enum kind kind, int64_t value);
const char *name_meaning(enum kind kind, int64_t value);

#endif
