/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"

#include <errno.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/test.h"

static char told[1024];
static int saved_stderr;
static FILE *capture;

static void begin_capture(void)
{
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	capture = tmpfile();
	dup2(fileno(capture), STDERR_FILENO);
}

static const char *end_capture(void)
{
	size_t length;

	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	rewind(capture);
	length = fread(told, 1, sizeof(told) - 1, capture);
	told[length] = '\0';
	fclose(capture);
	return told;
}

TEST("a failure is one line that names the object and the errno, and passes the code on")
{
	int err;

	begin_capture();
	errno = 7;
	err = fail(-ENOENT, "lesson '%s': cannot open", "nagle");
	CHECK(errno == 7);
	CHECK_STRING(end_capture(), "socktale: lesson 'nagle': cannot open: No such file or directory\n");
	CHECK(err == -ENOENT);
	begin_capture();
	err = fail(0, "nothing to do");
	CHECK_STRING(end_capture(), "socktale: nothing to do\n");
	CHECK(err == 0);
}

TEST("a name from elsewhere cannot speak to the terminal through a message")
{
	begin_capture();
	fail(-EINVAL, "process '%s': unknown", "a\x1b[2J\nb");
	CHECK_STRING(end_capture(), "socktale: process 'a\\x1b[2J\\nb': unknown: Invalid argument\n");
	begin_capture();
	hint("try %d", 5);
	tell("seen");
	CHECK_STRING(end_capture(), "socktale: hint: try 5\nsocktale: seen\n");
}

TEST("a code becomes the exit status the manual promises")
{
	CHECK(exit_code_of(0) == 0);
	CHECK(exit_code_of(-EIO) == 1);
	CHECK(exit_code_of(-EPERM) == 3 && exit_code_of(-EACCES) == 3);
	CHECK(exit_code_of(-ENOTSUP) == 4);
}
