/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the files that belong to the tool lie: translations, lessons, the lessons' programs.
 * Does not read them and does not know what is in them.
 */
#ifndef SOCKTALE_BASE_PLACE_H
#define SOCKTALE_BASE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Find the first of `places` below which `file` can be read ("." asks for the place itself). A place is a path relative to
 * the folder of the running binary; one that begins with '/' lies below the PREFIX of the build ("/share/locale").
 * The list ends with NULL. Writes at most `room` bytes with the NUL to `ret` and returns true; else `ret` is "".
 */
bool place_find(char *ret, size_t room, const char *const places[], const char *file);

#endif
