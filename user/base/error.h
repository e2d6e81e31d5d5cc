/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling a failure once, on stderr, and the codes the program ends with. Formats are translated here: callers write them
 * in English, and `make words` finds them.
 * Does not end the program (memory.h does, when there is none left) and does not know what failed.
 */
#ifndef SOCKTALE_BASE_ERROR_H
#define SOCKTALE_BASE_ERROR_H

#include "base/banned.h"

enum exit_code {
	EXIT_CODE_done = 0,
	EXIT_CODE_failed = 1,
	EXIT_CODE_usage = 2,
	EXIT_CODE_not_permitted = 3, /* the message says which capability is missing */
	EXIT_CODE_lacking = 4,	     /* this kernel lacks what was asked for; the message says what */
	EXIT_CODE_lost = 5,	     /* events were lost, under --strict */
};

/*
 * Print "socktale: MESSAGE: what the errno means" as one line on stderr and return `err` unchanged.
 * `err` is a negative errno, or 0 when the message says it all. Bytes that could harm a terminal are escaped.
 * The form of a message: noun, name in quotes, what failed.
 */
int fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print "socktale: hint: MESSAGE": what the reader can do about the failure just told. */
void hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print "socktale: MESSAGE": something the reader should know that is no failure. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From now on call `before` ahead of each of these lines: what is drawn on the terminal gives way to them. NULL: nothing does. */
void error_before(void (*before)(void *context), void *context);

/* The exit code that stands for a negative errno; 0 is done. EPERM and EACCES: not permitted; ENOTSUP: lacking. */
enum exit_code exit_code_of(int err);

#endif
