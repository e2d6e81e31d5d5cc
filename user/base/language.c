/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/language.h"

#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Catalogues lie beside the tool, in the tree it was built in, or where it was installed. */
static void find_catalogues(char *ret, size_t room)
{
	static const char *const places[] = { "locale", "../share/locale" };
	char self[PATH_MAX] = "";
	char *slash;

	*ret = '\0';
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return;
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(ret, room, "%s/%s", self, places[i]);
		if (!access(ret, R_OK))
			return;
	}
}

void language_use(const char *name)
{
	char path[PATH_MAX + 32];

	find_catalogues(path, sizeof(path));
	if (!*path)
		return;
	setenv("LANGUAGE", name, 1);
	/* In the C locale nothing is ever translated. */
	if (!strcmp(setlocale(LC_MESSAGES, NULL), "C") || !strcmp(setlocale(LC_MESSAGES, NULL), "POSIX"))
		setlocale(LC_MESSAGES, "C.UTF-8");
	bindtextdomain("socktale", path);
	bind_textdomain_codeset("socktale", "UTF-8");
	textdomain("socktale");
}
