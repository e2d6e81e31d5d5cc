/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"

#include <errno.h>

#include "base/language.h"
#include "base/text.h"

static struct {
	void (*call)(void *context);
	void *context;
} before;

void error_before(void (*call)(void *context), void *context)
{
	before.call = call;
	before.context = context;
}

/* Names in a message may come from anywhere (arguments, file names, other processes): escape the whole line. */
static void print(const char *prefix, int err, const char *format, va_list arguments)
{
	struct text message = TEXT_EMPTY, line = TEXT_EMPTY;
	int saved = errno;

	text_vprintf(&message, _(format), arguments);
	text_put(&line, prefix);
	text_escape(&line, text_string(&message), message.length);
	if (err)
		text_printf(&line, ": %s", strerror(-err));
	text_char(&line, '\n');
	if (before.call)
		before.call(before.context);
	fwrite(line.bytes, 1, line.length, stderr);
	text_finish(&line);
	text_finish(&message);
	errno = saved;
}

int fail(int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print("socktale: ", err, format, arguments);
	va_end(arguments);
	return err;
}

void hint(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(_("socktale: hint: "), 0, format, arguments);
	va_end(arguments);
}

void tell(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print("socktale: ", 0, format, arguments);
	va_end(arguments);
}

enum exit_code exit_code_of(int err)
{
	switch (err) {
	case 0:
		return EXIT_CODE_done;
	case -EPERM:
	case -EACCES:
		return EXIT_CODE_not_permitted;
	case -ENOTSUP:
		return EXIT_CODE_lacking;
	default:
		return EXIT_CODE_failed;
	}
}
