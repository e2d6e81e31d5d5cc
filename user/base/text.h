/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A string that grows, and the writing of bytes somebody else chose so that no terminal obeys them.
 * Does not know files, and never fails: memory.h ends the program when there is none left.
 *
 * The bytes are followed by a NUL whenever there are any. `struct text t = TEXT_EMPTY;` needs no other beginning.
 */
#ifndef SOCKTALE_BASE_TEXT_H
#define SOCKTALE_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

struct text {
	char *bytes;   /* NULL while nothing was ever appended */
	size_t length; /* without the NUL */
	size_t room;   /* bytes allocated */
};

#define TEXT_EMPTY { NULL, 0, 0 }

/* Free the memory and make it empty again. */
void text_finish(struct text *t);

/* Forget the content and keep the memory. */
void text_clear(struct text *t);

/* Cut the content to `length` bytes; longer than the content does nothing. */
void text_cut(struct text *t, size_t length);

/* The content as a string: "" when empty. Valid until the next change. */
const char *text_string(const struct text *t);

/* Hand the content over to the caller, who frees it with free(); leaves `t` empty. Never NULL. */
char *text_steal(struct text *t);

/* Make sure that `more` bytes and a NUL fit behind the content, and return where they would begin. */
char *text_reserve(struct text *t, size_t more);

/*
 * Append bytes, a string, a character, a number in decimal digits, or what printf() would write. Nothing is escaped: bytes
 * somebody else chose go through text_escape().
 */
void text_append(struct text *t, const char *bytes, size_t length);
void text_put(struct text *t, const char *string);
void text_char(struct text *t, char c);
void text_u64(struct text *t, uint64_t value);
void text_i64(struct text *t, int64_t value);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/*
 * Append bytes from elsewhere, safe for a terminal and readable back: printable ASCII and well-formed UTF-8 stay;
 * a backslash becomes \\, newline, carriage return and tab become \n \r \t; every other control character (ESC, DEL,
 * C1), every byte that is not UTF-8, and characters that change the direction or hide in the line become \xNN.
 */
void text_escape(struct text *t, const char *bytes, size_t length);

/* The same between double quotes, with \" for a quote inside. */
void text_quote(struct text *t, const char *bytes, size_t length);

/*
 * Append what was escaped (without the quotes around it): the inverse of text_escape() and text_quote().
 * Returns 0, or -EINVAL at a backslash that begins nothing known; `t` then holds what came before.
 */
int text_unescape(struct text *t, const char *escaped, size_t length);

/*
 * Append a JSON string, quotes included: always valid UTF-8. What text_escape() would hide becomes \u00NN and the like;
 * bytes that are not UTF-8, which JSON cannot hold, become the four characters \xNN.
 */
void text_json(struct text *t, const char *bytes, size_t length);

#endif
