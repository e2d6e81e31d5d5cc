/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/place.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_there(const char *place, const char *file)
{
	char path[PATH_MAX + 128];

	return snprintf(path, sizeof(path), "%s/%s", place, file) < (int)sizeof(path) && !access(path, R_OK);
}

bool place_find(char *ret, size_t room, const char *const places[], const char *file)
{
	char self[PATH_MAX] = "";
	char *slash;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		*self = '\0'; /* without /proc only PREFIX is left */
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; places[i]; i++) {
		const char *base = places[i][0] == '/' ? PREFIX : self;

		if (*base && snprintf(ret, room, "%s%s%s", base, places[i][0] == '/' ? "" : "/", places[i]) < (int)room &&
		    is_there(ret, file))
			return true;
	}
	*ret = '\0';
	return false;
}
