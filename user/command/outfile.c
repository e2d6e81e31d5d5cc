/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/language.h"

static int failed(const struct outfile *o)
{
	return fail(errno ? -errno : -EIO, "output '%s': cannot be written", outfile_name(o));
}

int outfile_open(struct outfile *o, const char *path)
{
	int fd;

	*o = (struct outfile){ .path = path, .stream = stdout };
	if (!path || !strcmp(path, "-"))
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	o->made = fd >= 0;
	if (fd < 0)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	o->stream = fd < 0 ? NULL : fdopen(fd, "w");
	return o->stream ? 0 : failed(o);
}

int outfile_begin(struct outfile *o)
{
	struct stat s;

	o->begun = true;
	if (o->stream == stdout || fstat(fileno(o->stream), &s) || !S_ISREG(s.st_mode))
		return 0;
	return ftruncate(fileno(o->stream), 0) ? failed(o) : 0;
}

int outfile_close(struct outfile *o, int err)
{
	FILE *stream = o->stream;

	o->stream = NULL;
	if (!stream || stream == stdout)
		return 0;
	if (o->made && !o->begun)
		unlink(o->path);
	errno = 0;
	return fclose(stream) && !err ? failed(o) : 0;
}

const char *outfile_name(const struct outfile *o)
{
	return o->path && strcmp(o->path, "-") ? o->path : _("standard output");
}
